"""From a radar's time step and pixel to those that a model was trained with, and back, where that is sound.

*Pixels.* A finer radar is averaged over the model's pixels, whatever part of a pixel lies in them (so amounts are kept); a coarser one is
interpolated between its pixels. The forecast takes the other way. Beyond `COARSER` and `FINER` a model would see fields unlike any it has
seen, and is refused.

*Steps.* Of a faster radar every n-th scan is taken. A step that is off the model's by less than a quarter is taken for it: rain then moves
that much more or less from image to image, as it does between slow days and fast ones; lead times are reckoned in the radar's own time.
Slower radars are refused: between two of their scans rain moves on, and no mean of the two is where it was.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from stormcell.errors import MethodError

__all__ = ["COARSER", "FINER", "Pixels", "can_be_converted", "pixels_between", "scans_per_step"]

Floats = NDArray[np.float32]

SAME_PIXEL = 1.1
COARSER, FINER = 16.0, 2.0  # how much the model's pixels may be coarser or finer than the radar's
SAME_STEP = 1.25


@dataclass(frozen=True, eq=False)
class Pixels:
    """The way between two grids over the same area: rows and columns one after the other, each by a sparse matrix.

    Attributes:
        shape: (rows, columns) of the model's grid.
        ratio: side of the model's pixels over that of the radar's.
        says: what is done, for a person.
    """

    shape: tuple[int, int]
    ratio: float
    says: str
    rows_to: csr_array
    columns_to: csr_array
    rows_back: csr_array
    columns_back: csr_array

    def to_model(self, frames: Floats) -> Floats:
        """(frame, y, x) on the radar's grid to the model's; means of what was seen, NaN where nothing was."""
        return _of_what_is_seen(self.rows_to, self.columns_to, frames)

    def to_radar(self, frames: Floats, rows: slice = slice(None)) -> Floats:
        """(frame, y, x) on the model's grid to the radar's, or to some of its rows, where NaN is left out in the same way."""
        return _of_what_is_seen(self.rows_back[rows], self.columns_back, frames)

    def places(self, radar: Floats) -> Floats:
        """Columns or rows of the radar's grid as those of the model's."""
        made: Floats = (radar + np.float32(0.5)) / np.float32(self.ratio) - np.float32(0.5)
        return made


def can_be_converted(radar_km: float, model_km: float) -> bool:
    """Whether a radar's pixels are near enough to a model's."""
    return 1 / FINER <= model_km / radar_km <= COARSER


def pixels_between(radar_km: float, model_km: float, shape: tuple[int, int], *, name: str) -> Pixels | None:
    """How to get from a radar's pixels to a model's.

    Args:
        radar_km: side of the radar's pixels [km].
        model_km: side of the model's [km].
        shape: (rows, columns) of the radar's grid.
        name: of the model, for the message.

    Returns:
        None if they are as good as the same.

    Raises:
        MethodError: they are too far apart.
    """
    ratio = model_km / radar_km
    if 1 / SAME_PIXEL <= ratio <= SAME_PIXEL:
        return None
    if not can_be_converted(radar_km, model_km):
        raise MethodError(
            f"{name} was trained on pixels of {model_km:.3g} km, but these are of {radar_km:.3g} km: expected {model_km / COARSER:.3g} to "
            f"{model_km * FINER:.3g} km, which can be converted; use a model for this grid, or --method advection"
        )
    rows, columns = (max(math.ceil(size / ratio - 1e-6), 1) for size in shape)
    sides = ((shape[0], rows), (shape[1], columns))
    if ratio > 1:
        forth, back = [_means(size, ratio, many) for size, many in sides], [_between(many, 1 / ratio, size) for size, many in sides]
        says = f"pixels of {radar_km:.3g} km averaged to {model_km:.3g} km, the forecast interpolated back"
    else:
        forth, back = [_between(size, ratio, many) for size, many in sides], [_means(many, 1 / ratio, size) for size, many in sides]
        says = f"pixels of {radar_km:.3g} km interpolated to {model_km:.3g} km, the forecast averaged back"
    return Pixels((rows, columns), ratio, says, forth[0], forth[1], back[0], back[1])


def scans_per_step(radar_minutes: float, model_minutes: float, *, name: str) -> int:
    """How many of the radar's steps make one of the model's.

    Raises:
        MethodError: no number does.
    """
    ratio = model_minutes / radar_minutes
    count = max(min((math.floor(ratio), math.ceil(ratio)), key=lambda n: abs(math.log(max(n, 0.1) / ratio))), 1)
    if not 1 / SAME_STEP - 1e-6 <= count / ratio <= SAME_STEP + 1e-6:
        raise MethodError(
            f"{name} was trained on scans every {model_minutes:g} min, but these come every {radar_minutes:g} min: expected one in "
            f"{model_minutes / SAME_STEP:g} to {model_minutes * SAME_STEP:g} min, or several in that time. Rain moves between scans, so "
            "none can be made up; use a model for this step, or --method advection"
        )
    return count


def _of_what_is_seen(rows: csr_array, columns: csr_array, frames: Floats) -> Floats:
    """Frame by frame, weighted means of what is no NaN."""
    result = np.empty((len(frames), rows.shape[0], columns.shape[0]), np.float32)
    for index, frame in enumerate(frames):
        seen = np.isfinite(frame)
        amount = _both_axes(rows, columns, np.where(seen, frame, np.float32(0)))
        if seen.all():
            result[index] = amount
            continue
        share = _both_axes(rows, columns, seen.astype(np.float32))
        result[index] = np.divide(amount, share, out=np.full_like(amount, np.nan), where=share > 1e-6)
    return result


def _both_axes(rows: csr_array, columns: csr_array, field: Floats) -> Floats:
    """The sparse products, that which makes the field smaller, or larger by less, first: what is turned in memory between is small."""
    if rows.shape[0] <= field.shape[0]:
        return np.ascontiguousarray((columns @ np.ascontiguousarray((rows @ field).T)).T, dtype=np.float32)
    wide = np.ascontiguousarray((columns @ np.ascontiguousarray(field.T)).T)
    result: Floats = rows @ wide
    return result


def _means(size: int, width: float, cells: int) -> csr_array:
    """(cells, size): means over cells `width` pixels wide, by the share of each pixel that lies in them."""
    edges = np.minimum(np.arange(cells + 1) * width, size)
    first = np.floor(edges[:-1]).astype(int)
    span = np.arange(math.ceil(width) + 1)
    pixel = first[:, None] + span
    share = np.clip(np.minimum(pixel + 1, edges[1:, None]) - np.maximum(pixel, edges[:-1, None]), 0, None)
    return _matrix(np.repeat(np.arange(cells), span.size), pixel.ravel(), share.ravel(), (cells, size))


def _between(size: int, width: float, places: int) -> csr_array:
    """(places, size): linear interpolation at the middles of cells `width` pixels wide; beyond the outermost middles their values."""
    at = np.clip((np.arange(places) + 0.5) * width - 0.5, 0, size - 1)
    left = np.minimum(np.floor(at).astype(int), max(size - 2, 0))
    rows = np.arange(places)
    right = np.minimum(left + 1, size - 1)
    return _matrix(
        np.concatenate((rows, rows)), np.concatenate((left, right)), np.concatenate((1 - (at - left), at - left)), (places, size)
    )


def _matrix(rows: NDArray[np.int_], columns: NDArray[np.int_], weights: NDArray[np.floating], shape: tuple[int, int]) -> csr_array:
    """A sparse matrix whose rows sum up to 1."""
    kept = weights > 0
    matrix = csr_array((weights[kept], (rows[kept], columns[kept])), shape=shape)
    sums: NDArray[np.floating] = np.asarray(matrix.sum(axis=1)).ravel()
    normal = csr_array((1 / sums, (np.arange(shape[0]), np.arange(shape[0]))), shape=(shape[0], shape[0]))
    return csr_array(normal @ matrix, dtype=np.float32)
