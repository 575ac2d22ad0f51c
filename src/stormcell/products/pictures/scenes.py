"""What the pictures show: the observed frames one by one, then the forecast's, small enough for a screen."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError
from stormcell.frames import check_forecast, check_frames, grid_of
from stormcell.grid import Grid
from stormcell.products.colours import RAIN, ColourScale
from stormcell.products.ensemble.mean import member_mean
from stormcell.products.pictures.layers import Layer

__all__ = ["Scene", "Scenes", "block_mean"]

LONGEST_SIDE = 800
"""Pixels of the longer side of what is shown; larger grids are averaged over whole blocks first."""

Rain = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """One picture's worth of rain.

    Args:
        values: (y, x), a rain rate [mm h-1] or what else a layer shows; NaN not seen.
        valid: the time it shows, UTC.
        lead_time: how far ahead of the last scan; None when it was observed, 0 when it is of the whole forecast.
        kind: for file names: observed, forecast, or the name of a layer.
    """

    values: Rain
    valid: pd.Timestamp
    lead_time: pd.Timedelta | None
    kind: str

    @property
    def stamp(self) -> str:
        """Kind, valid time and lead time for file names, such as `forecast_20150515T1700Z_+035min`."""
        ahead = f"_+{self.lead_time.total_seconds() / 60:03g}min" if self.lead_time else ""
        return f"{self.kind}_{self.valid:%Y%m%dT%H%MZ}{ahead}"


@dataclass(frozen=True)
class Scenes:
    """The scenes of past and forecast, made one at a time.

    Args:
        past: (time, y, x) rain rate [mm h-1].
        forecast: (member, lead_time, y, x) rain rate [mm h-1] on the same grid; of several members the mean is shown.
        layer: what to show in place of the forecast's rain; the scenes are then its own alone, one per lead time or a single one.

    Raises:
        FramesError: a field breaks the contract, or the grids differ.
    """

    past: xr.DataArray
    forecast: xr.DataArray
    layer: Layer | None = None

    def __post_init__(self) -> None:
        if not grid_of(check_frames(self.past)).same_as(grid_of(check_forecast(self.forecast))):
            raise FramesError(f"pictures: expected past and forecast on one grid, got {self.past.shape[1:]} and {self.forecast.shape[2:]}")

    def __len__(self) -> int:
        if self.layer is None:
            return self.observed + int(self.forecast.sizes["lead_time"])
        return int(self.forecast.sizes["lead_time"]) if self.layer.over_lead_times else 1

    def __getitem__(self, number: int) -> Scene:
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        number %= len(self)
        if self.layer is not None:
            return self._of_layer(self.layer, number)
        if number < self.observed:
            return Scene(block_mean(self.past[number].values, self.factor), self.times[number], None, "observed")
        lead = number - self.observed
        rain = member_mean(self.forecast[:, lead].values)
        return Scene(block_mean(rain, self.factor), self.times[number], self._ahead(lead), "forecast")

    def _of_layer(self, layer: Layer, lead: int) -> Scene:
        if layer.over_lead_times:
            values = block_mean(layer.values[lead].values, self.factor)
            return Scene(values, self.times[self.observed + lead], self._ahead(lead), layer.name)
        rows, columns = self.grid.shape
        middle = slice(self.factor // 2, None, self.factor)  # a mean of minutes and never has no meaning
        return Scene(layer.values.values[middle, middle][:rows, :columns], self.times[self.observed - 1], pd.Timedelta(0), layer.name)

    def _ahead(self, lead: int) -> pd.Timedelta:
        return pd.Timedelta(self.forecast["lead_time"].values[lead].item(), "ns")

    def __iter__(self) -> Iterator[Scene]:
        return (self[number] for number in range(len(self)))

    @property
    def observed(self) -> int:
        """How many frames were observed; they come first."""
        return int(self.past.sizes["time"])

    @property
    def first(self) -> int:
        """Number of the frame that the first scene shows."""
        if self.layer is None:
            return 0
        return self.observed if self.layer.over_lead_times else self.observed - 1

    @property
    def times(self) -> list[pd.Timestamp]:
        """Valid time of every frame, observed and forecast, UTC."""
        return [pd.Timestamp(time) for field in (self.past, self.forecast) for time in field["time"].values]

    @property
    def scale(self) -> ColourScale:
        """The colours of the scenes."""
        return RAIN if self.layer is None else self.layer.scale

    @property
    def factor(self) -> int:
        """Side of the blocks over which the rain is averaged [pixels]."""
        return -(-max(self.past.shape[1:]) // LONGEST_SIDE)

    @property
    def grid(self) -> Grid:
        """The grid of the scenes."""
        return grid_of(self.past).coarsen(self.factor)


def block_mean(rain_rate: Rain, factor: int) -> Rain:
    """Mean over blocks of factor x factor pixels of those that were seen; NaN where half a block or more was not.

    Missing never becomes dry. Rows and columns that fill no block are dropped at the south and east, as in `Grid.coarsen`.
    """
    if factor == 1:
        return rain_rate
    rows, columns = (size // factor for size in rain_rate.shape)
    blocks = rain_rate[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    seen = ~np.isnan(blocks)
    count = seen.sum(axis=(1, 3))
    total = np.where(seen, blocks, np.float32(0)).sum(axis=(1, 3))
    mean: Rain = np.where(2 * count > factor * factor, total / np.maximum(count, 1), np.nan).astype(np.float32)
    return mean
