"""Published fields as a web process reads them, kept up to so many bytes.

What is stored in large chunks costs as much to read for a point as for a whole chunk. So a variable that fits is read whole, once; of one
that is too large, whole planes are read for maps and small blocks for points.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError
from stormcell.frames import grid_of
from stormcell.grid import Grid
from stormcell.products.colours import PROBABILITY, RAIN
from stormcell.service.byte_cache import ByteCache
from stormcell.service.fields import FieldStore
from stormcell.service.places import pixel_at

__all__ = ["QUANTILES", "Field", "FieldsCache"]

QUANTILES = "rain_rate_quantile"
"""Variable of the quantiles of an ensemble, (quantile, lead_time, y, x)."""

_WHOLE = 4  # a variable may take this part of the capacity; of larger ones, blocks are read
_BLOCK = 64  # pixels, side of what is read around a point
_SMALL = 50_000  # bytes that a description is taken for


@dataclass(frozen=True)
class Field:
    """What there is to know about a published field before its values are read.

    Args:
        key: of it.
        dataset: its values are read when they are used.
        grid: where the pixels are; fields on the same pixels share the object.
        thresholds: of probabilities [mm h-1]; none without an ensemble.
        levels: of quantiles; none without an ensemble.
        sizes: values of each variable.
    """

    key: str
    dataset: xr.Dataset
    grid: Grid
    thresholds: tuple[float, ...]
    levels: tuple[float, ...]
    sizes: Mapping[str, int]

    @property
    def attrs(self) -> dict[str, Any]:
        """Of the rain rate."""
        return dict(self.dataset["rain_rate"].attrs)


@final
class FieldsCache:
    """Reads fields from a store. All calls may block, and may come from any thread.

    Args:
        store: of the fields.
        capacity: bytes that are kept.
    """

    def __init__(self, store: FieldStore, capacity: int) -> None:
        self._store = store
        self._fields: ByteCache[Field] = ByteCache(500 * _SMALL, lambda _: _SMALL)
        self._grids: list[Grid] = []
        self.arrays: ByteCache[NDArray[Any]] = ByteCache(capacity, lambda array: array.nbytes)

    def field(self, key: str) -> Field:
        """What is published under a key.

        Raises:
            ReadError: it is gone or damaged.
        """
        return self._fields.get(key, lambda: self._open(key))

    def classes(self, key: str, variable: str, index: tuple[int, ...]) -> NDArray[np.uint8]:
        """The colour classes of a plane, row by row, and after the last pixel one `MISSING` for whatever is beyond the grid.

        Args:
            key: of the field.
            variable: of the field, "rain_rate" or "probability".
            index: of the plane in what comes before (y, x).

        Returns:
            (pixels + 1,).
        """

        def make() -> NDArray[np.uint8]:
            whole = self.arrays.peek((key, variable))
            values = self._values(key, lambda dataset: dataset[variable][index]) if whole is None else whole[index]
            scale = PROBABILITY if variable == "probability" else RAIN
            return np.append(scale.classes(values).ravel(), np.uint8(255))

        return self.arrays.get((key, variable, index), make)

    def at(self, key: str, variable: str, row: int, column: int) -> NDArray[np.float32]:
        """The values of one pixel over all that comes before (y, x).

        Returns:
            float32, of the shape of the variable without its last two axes.
        """
        if self._fits(self.field(key), variable):
            at: NDArray[np.float32] = self._whole(key, variable)[..., row, column]
            return at
        top, left = row // _BLOCK * _BLOCK, column // _BLOCK * _BLOCK

        def make() -> NDArray[np.float32]:
            return self._values(key, lambda dataset: dataset[variable][..., top : top + _BLOCK, left : left + _BLOCK])

        block = self.arrays.get((key, variable, top, left), make)
        pixel: NDArray[np.float32] = block[..., row - top, column - left]
        return pixel

    def prepare(self, key: str) -> None:
        """Read the rain rate of a field before anybody asks for it, if it fits.

        Raises:
            ReadError: it is gone or damaged.
        """
        if self._fits(self.field(key), "rain_rate"):
            self._whole(key, "rain_rate")

    def at_once(self, key: str, *, lat: float, lon: float) -> bool:
        """Would `field` and `at` answer from what is kept, for all values around a place?"""
        field = self._fields.peek(key)
        if field is None:
            return False
        pixel = pixel_at(field.grid, lat=lat, lon=lon)
        if pixel is None:
            return True
        top, left = (place // _BLOCK * _BLOCK for place in pixel)
        parts = ((key, name) if self._fits(field, name) else (key, name, top, left) for name in field.sizes)
        return all(self.arrays.peek(part) is not None for part in parts)

    def _fits(self, field: Field, variable: str) -> bool:
        return field.sizes.get(variable, 0) * 4 * _WHOLE <= self.arrays.capacity

    def _whole(self, key: str, variable: str) -> NDArray[np.float32]:
        """All values of a variable."""
        return self.arrays.get((key, variable), lambda: self._values(key, lambda dataset: dataset[variable]))

    def _values(self, key: str, part: Callable[[xr.Dataset], xr.DataArray]) -> NDArray[np.float32]:
        try:
            values: NDArray[np.float32] = np.asarray(part(self.field(key).dataset).values, np.float32)
        except KeyError:
            raise FramesError(f"{key}: no such quantity here; probabilities and quantiles are published of ensembles") from None
        return values

    def _open(self, key: str) -> Field:
        dataset = self._store.read(key)
        grid = grid_of(dataset["rain_rate"])
        for known in self._grids:
            if known.same_as(grid):
                grid = known
                break
        else:
            self._grids = [*self._grids[-9:], grid]
        sizes = {str(name): variable.size for name, variable in dataset.data_vars.items()}
        return Field(key, dataset, grid, _coordinate(dataset, "threshold"), _coordinate(dataset, "quantile"), sizes)


def _coordinate(dataset: xr.Dataset, name: str) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in dataset[name].values) if name in dataset.coords else ()
