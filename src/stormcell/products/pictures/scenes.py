"""What the pictures show: the observed frames one by one, then the forecast's, small enough for a screen."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError
from stormcell.frames import check_forecast, check_frames, grid_of
from stormcell.grid import Grid

__all__ = ["Scene", "Scenes", "block_mean", "member_mean"]

LONGEST_SIDE = 800
"""Pixels of the longer side of what is shown; larger grids are averaged over whole blocks first."""

Rain = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """One picture's worth of rain.

    Args:
        rain_rate: (y, x) [mm h-1]; NaN not seen.
        valid: the time it shows, UTC.
        lead_time: how far ahead of the last scan; None when it was observed.
    """

    rain_rate: Rain
    valid: pd.Timestamp
    lead_time: pd.Timedelta | None

    @property
    def stamp(self) -> str:
        """Kind, valid time and lead time for file names, such as `forecast_20150515T1700Z_+035min`."""
        if self.lead_time is None:
            return f"observed_{self.valid:%Y%m%dT%H%MZ}"
        return f"forecast_{self.valid:%Y%m%dT%H%MZ}_+{self.lead_time.total_seconds() / 60:03g}min"


@dataclass(frozen=True)
class Scenes:
    """The scenes of past and forecast, made one at a time.

    Args:
        past: (time, y, x) rain rate [mm h-1].
        forecast: (member, lead_time, y, x) rain rate [mm h-1] on the same grid; of several members the mean is shown.

    Raises:
        FramesError: a field breaks the contract, or the grids differ.
    """

    past: xr.DataArray
    forecast: xr.DataArray

    def __post_init__(self) -> None:
        if not grid_of(check_frames(self.past)).same_as(grid_of(check_forecast(self.forecast))):
            raise FramesError(f"pictures: expected past and forecast on one grid, got {self.past.shape[1:]} and {self.forecast.shape[2:]}")

    def __len__(self) -> int:
        return self.observed + int(self.forecast.sizes["lead_time"])

    def __getitem__(self, number: int) -> Scene:
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        number %= len(self)
        if number < self.observed:
            return Scene(block_mean(self.past[number].values, self.factor), self.times[number], None)
        step = self.forecast[:, number - self.observed]
        return Scene(block_mean(member_mean(step.values), self.factor), self.times[number], pd.Timedelta(step["lead_time"].item(), "ns"))

    def __iter__(self) -> Iterator[Scene]:
        return (self[number] for number in range(len(self)))

    @property
    def observed(self) -> int:
        """How many of the scenes were observed; they come first."""
        return int(self.past.sizes["time"])

    @property
    def times(self) -> list[pd.Timestamp]:
        """Valid time of every scene, UTC."""
        return [pd.Timestamp(time) for field in (self.past, self.forecast) for time in field["time"].values]

    @property
    def factor(self) -> int:
        """Side of the blocks over which the rain is averaged [pixels]."""
        return -(-max(self.past.shape[1:]) // LONGEST_SIDE)

    @property
    def grid(self) -> Grid:
        """The grid of the scenes."""
        return grid_of(self.past).coarsen(self.factor)


def member_mean(rain_rate: Rain) -> Rain:
    """Mean over the members, (member, y, x) to (y, x), of those that have a value; NaN where none has."""
    if len(rain_rate) == 1:
        only: Rain = rain_rate[0]
        return only
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a pixel that no member has is NaN, as it should be
        mean: Rain = np.nanmean(rain_rate, axis=0)
    return mean


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
