"""Power by wavelength: has the forecast kept the small scales, or is it blurred?"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError
from stormcell.frames import grid_of
from stormcell.verification.fields import Field, Mask, Sums, sums_of_members

__all__ = ["Spectrum"]

_STATISTICS = ("forecast", "observed", "cases")


class _Rings(NamedTuple):
    """Which ring of the spectrum each number of a half spectrum belongs to, with which weight, and the weight of whole rings."""

    ring: NDArray[np.int64]
    weight: Field
    total: Sums


@dataclass(frozen=True)
class Spectrum:
    """Radially averaged power spectra of forecast and observation, and the distance between them; satisfies `Score`.

        P(k) = mean over the ring round(|k| l) = 1, 2, ... of |F|^2 / n,   l = longer side, n = pixels, F = Fourier transform of the rain
        log_spectral_distance = sqrt(mean over rings of (10 log10 (P_forecast / P_observed))^2)   [dB]

    The spectra are added up over cases first; the distance is of the sums. With members, the forecast's spectrum is the mean of the
    members' spectra: that of their mean would show a blur that no member has. 0 dB is perfect; NaN as soon as a ring of either holds no
    power (dry, or constant). A forecast with too much power at small scales is as far away as one with too little: look at the spectra.

    Masks: pixels that are not valid hold 0 in both fields, whose edges add the same kind of power to both. The fields are not
    periodic; without a window the jump from one edge to the other adds power ~ k^-2 along the axes. On a grid that is not square
    rings are circles in wavenumber, so each holds one wavelength.

    Args:
        window: "none", as pysteps has it, or "hann", which takes the fields to 0 at the borders of the grid (and loses 86 % of the
            power of white noise, the same in both).

    Raises:
        FramesError: another window; a grid with less than 3 pixels along its longer side.

    Source:
        Ruzanski & Chandrasekar (2011), doi:10.1109/TGRS.2010.2103946, as `pysteps.utils.spectral.rapsd`. Departure: there rings are
        circles in the index of the transform, which mixes wavelengths unless the grid is square.
    """

    window: Literal["none", "hann"] = "none"

    def __post_init__(self) -> None:
        if self.window not in ("none", "hann"):
            raise FramesError(f"spectrum: expected the window 'none' or 'hann', got {self.window!r}")

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Power [mm2 h-2] and number of cases, (lead_time, wavelength, statistic).

        `wavelength` is in km where the observation says where its pixels are, in pixels otherwise; its attribute `units` tells.
        """
        side = max(observed.shape[1:])
        if side < 3:
            raise FramesError(f"spectrum: expected 3 pixels or more along the longer side, got {observed.shape[1:]}")
        pixel, unit = (grid_of(observed).pixel_km, "km") if "spatial_ref" in observed.coords else (1.0, "pixels")
        wavelengths = [round(side / ring * pixel, 6) for ring in range(1, (side + 1) // 2)]
        sums = sums_of_members(self._power, forecast, observed, valid, statistic=_STATISTICS, wavelength=wavelengths)
        sums["wavelength"].attrs["units"] = unit
        return sums

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`forecast_power`, `observed_power` [mm2 h-2], (lead_time, wavelength), and `log_spectral_distance` [dB], (lead_time,)."""
        forecast, observed, cases = (sums.sel(statistic=name, drop=True) for name in _STATISTICS)
        cases = cases.where(cases > 0)
        ratio_db = 10 * xr.apply_ufunc(np.log10, forecast.where(forecast > 0) / observed.where(observed > 0))
        distance = (ratio_db**2).mean("wavelength", skipna=False) ** 0.5
        return xr.Dataset({"forecast_power": forecast / cases, "observed_power": observed / cases, "log_spectral_distance": distance})

    def _power(self, members: Field, seen: Field, known: Mask) -> Sums:
        power = np.mean([self._spectrum(member) for member in members], axis=0)
        return np.stack([power, self._spectrum(seen), np.full(power.size, float(known.any()))], axis=-1)

    def _spectrum(self, field: Field) -> Sums:
        from scipy import fft  # twice as fast as numpy's, and slow to import

        if self.window == "hann":
            field = field * np.outer(*(np.hanning(size + 2)[1:-1] for size in field.shape)).astype(np.float32)
        transform = np.asarray(fft.rfft2(field))
        rings = _rings(*field.shape)
        power = (transform.real**2 + transform.imag**2) * rings.weight
        return np.bincount(rings.ring, power.ravel(), rings.total.size)[1 : rings.total.size] / rings.total[1:] / field.size


@lru_cache(maxsize=8)
def _rings(rows: int, columns: int) -> _Rings:
    """Rings 0 to (l - 1) // 2 of the half spectrum that a real field has; what lies further out falls in the last place, cut off later."""
    side = max(rows, columns)
    y, x = np.fft.fftfreq(rows)[:, np.newaxis], np.fft.rfftfreq(columns)[np.newaxis, :]
    ring = np.minimum(np.round(np.hypot(y, x) * side).astype(np.int64), (side + 1) // 2).ravel()
    weight = np.full((rows, columns // 2 + 1), 2.0, np.float32)  # the other half mirrors this one, but for these columns
    weight[:, 0] = 1.0
    if columns % 2 == 0:
        weight[:, -1] = 1.0
    return _Rings(ring, weight, np.bincount(ring, weight.ravel()).astype(np.float64)[: (side + 1) // 2])
