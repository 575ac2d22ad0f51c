"""A grid and its Fourier space: what lies beyond the border, and coefficients in the order of their wavenumbers."""

from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stormcell.errors import MethodError

__all__ = ["BOUNDARIES", "Boundary", "SpectralDomain"]

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

Boundary = Literal["periodic", "dry", "mirror"]
BOUNDARIES = ("periodic", "dry", "mirror")
_MARGIN = 0.05  # of a side, at least, between one border and the opposite one


class SpectralDomain:
    """Fields on a grid as Fourier coefficients, and back.

    A Fourier transform takes a field for periodic: what leaves on the right comes in on the left. What lies between the two borders
    is one of

        "periodic": nothing; the grid as it is,
        "dry": a margin of 1/20 of the side or more, without rain,
        "mirror": the same margin, with the field reflected on both borders.

    With a margin the sides are rounded up to lengths that are products of 2, 3 and 5, for which the transform is several times as fast.

    A real field has about half as many independent coefficients as pixels. They are kept as one row, sorted by wavenumber, so that a
    range of scales is a slice of the row. The first one is the sum of the field.

    Attributes:
        shape: (rows, columns) of the grid.
        extended: (rows, columns) with the margin.
        longest: the longer side of `extended`.

    Raises:
        MethodError: another boundary.
    """

    def __init__(self, shape: tuple[int, int], *, boundary: Boundary = "mirror") -> None:
        if boundary not in BOUNDARIES:
            raise MethodError(f"cascade: expected a boundary of {', '.join(BOUNDARIES)}, got {boundary!r}")
        from scipy import fft  # slow to import

        self._fft = fft
        self._boundary = boundary
        self.shape = shape
        sides = [size if boundary == "periodic" else fft.next_fast_len(size + round(size * _MARGIN), real=True) for size in shape]
        self.extended = (sides[0], sides[1])
        self.longest = max(sides)
        before = [(side - size) // 2 for side, size in zip(sides, shape, strict=True)]
        self._inside = tuple(slice(start, start + size) for start, size in zip(before, shape, strict=True))
        self._margins = [(start, side - size - start) for start, side, size in zip(before, sides, shape, strict=True)]
        along_y, along_x = np.fft.fftfreq(sides[0])[:, np.newaxis], np.fft.rfftfreq(sides[1])
        wavenumber = np.hypot(along_y, along_x).ravel() * self.longest
        self._order = np.argsort(wavenumber, kind="stable")
        self._place = np.argsort(self._order)
        self.wavenumber = wavenumber[self._order].astype(np.float32)

    @property
    def pixels(self) -> int:
        """Of the extended grid."""
        return self.extended[0] * self.extended[1]

    @cached_property
    def count(self) -> Floats:
        """How often each coefficient stands for one of the full transform: 2, as its mirror image is left out, or 1 where it is its own."""
        return self._columns(own=1.0, mirrored=2.0)

    @cached_property
    def white(self) -> Floats:
        """Factor that makes white noise of coefficients whose parts are independent normal numbers.

        In the columns that hold both a coefficient and its mirror image, the inverse transform uses the mean of the two, which has half the
        variance; hence sqrt(2). The sum of the field is left alone: 0.
        """
        white = self._columns(own=np.sqrt(2.0), mirrored=1.0)
        white[0] = 0.0
        return white

    def _columns(self, *, own: float, mirrored: float) -> Floats:
        rows, columns = self.extended
        values = np.full((rows, columns // 2 + 1), mirrored, np.float32)
        values[:, 0] = own
        if columns % 2 == 0:
            values[:, -1] = own
        return values.ravel()[self._order]

    def spectrum(self, field: Floats, *, outside: Boundary | None = None) -> Spectrum:
        """Coefficients of a field (y, x) without NaN, in the order of `wavenumber`; `outside` takes the place of the boundary."""
        mode = "symmetric" if (outside or self._boundary) == "mirror" else "constant"
        extended = np.pad(field, self._margins, mode=mode)  # type: ignore[call-overload]
        transform = self._fft.rfft2(extended.astype(np.float32, copy=False))
        return np.asarray(transform, np.complex64).ravel()[self._order]

    def field(self, spectrum: Spectrum) -> Floats:
        """The field (y, x) of such coefficients."""
        transform = spectrum.take(self._place).reshape(self.extended[0], -1)
        field: Floats = self._fft.irfft2(transform, s=self.extended, overwrite_x=True)[self._inside]
        return field
