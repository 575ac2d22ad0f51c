"""Moving an image: the value at each pixel is looked up where it came from (a backward warp)."""

from copy import copy
from typing import Self

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from stormcell.errors import FramesError

__all__ = ["Sampler", "check_vectors", "pixel_grid", "warp"]

Floats = NDArray[np.float32]

_LARGEST_SIDE = 32_000  # pixels; OpenCV's remap addresses an image with 16-bit integers


def pixel_grid(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Column and row number of every pixel, each of the given shape."""
    rows, columns = shape
    column, row = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    return column, row


class Sampler:
    """Bilinear look-up in one image, with what the radar did not see kept apart from what it saw.

    value(p) = sum w_i v_i / sum w_i over the seen ones of the four pixels around p, with the bilinear weights w_i. The result is
    not seen (NaN) where the weights of the seen ones sum up to less than one half; what lies outside the image is not seen.
    So an edge of the seen area stays within half a pixel of where it is, and no value is made up from NaN.

    The work on the image (taking NaN out) is done once, so one sampler serves many look-ups.

    Args:
        field: image (y, x), float; NaN = not seen.

    Raises:
        FramesError: the field is not an image, or a side is beyond what can be looked up.
    """

    def __init__(self, field: ArrayLike) -> None:
        image = np.asarray(field, dtype=np.float32)
        if image.ndim != 2 or image.size == 0 or max(image.shape) > _LARGEST_SIDE:
            raise FramesError(f"warp: expected an image (y, x) of 1 to {_LARGEST_SIDE} pixels a side, got shape {image.shape}")
        unseen = np.isnan(image)
        self._values = np.array(image, order="C")
        np.putmask(self._values, unseen, np.float32(0))
        self._seen = np.logical_not(unseen).astype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the image."""
        rows, columns = self._values.shape
        return rows, columns

    def holding(self: Self, values: Floats) -> "Sampler":
        """A sampler of another image (y, x) with the same unseen pixels; values are float32, 0 there, and not copied."""
        other = copy(self)
        other._values = np.ascontiguousarray(values)
        return other

    def at(self: Self, column: Floats, row: Floats) -> Floats:
        """The image at these places [pixels; (0, 0) is the centre of the first pixel], which may be fractions.

        Exact to float32 where OpenCV runs on Intel's IPP; elsewhere OpenCV may round places to 1/32 of a pixel. Whole pixels are
        exact everywhere.
        """
        weight = cv2.remap(self._seen, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0.0)
        total = cv2.remap(self._values, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0.0)
        np.putmask(weight, weight < 0.5, np.float32(np.nan))
        value: Floats = np.divide(total, weight, out=total)
        return value


def warp(field: ArrayLike, displacement: ArrayLike) -> Floats:
    """Move an image by a displacement of its own at every pixel: out[p] = field[p - displacement[p]].

    Bilinear, see `Sampler`. Zero displacement is the identity, whole pixels are a shift.

    Args:
        field: image (y, x); NaN = not seen.
        displacement: (2, y, x) pixels; component 0 along x (positive to the east), 1 along y (positive to the south).

    Returns:
        (y, x) float32; NaN where it came from outside the image or from what was not seen.

    Raises:
        FramesError: the shapes do not fit, or the displacement is not finite.

    Example:
        >>> east = np.zeros((2, 1, 3)); east[0] = 1
        >>> warp([[5.0, 6.0, 7.0]], east)
        array([[nan,  5.,  6.]], dtype=float32)
    """
    sampler = Sampler(field)
    moved = check_vectors(displacement, sampler.shape, "displacement")
    rows, columns = sampler.shape
    column, row = np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32)[:, None]
    return sampler.at(column - moved[0], row - moved[1])


def check_vectors(vectors: ArrayLike, shape: tuple[int, int], what: str) -> Floats:
    """Hold a field of vectors to (2, y, x), finite, on an image of this shape; hand it back as float32.

    Raises:
        FramesError: says what does not fit.
    """
    checked = np.asarray(vectors, dtype=np.float32)
    if checked.shape != (2, *shape):
        raise FramesError(f"{what}: expected (2, y, x) = {(2, *shape)} for an image of {shape[0]} x {shape[1]}, got {checked.shape}")
    if not np.isfinite(checked).all():
        raise FramesError(f"{what}: expected finite numbers of pixels, got NaN or infinity at {int((~np.isfinite(checked)).sum())} places")
    return checked
