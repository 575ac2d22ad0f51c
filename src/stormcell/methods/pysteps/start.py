"""What a model of pysteps starts from, and what it needs to know about it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.progress import track

__all__ = ["THRESHOLD_DBR", "Start", "UnsuitedError", "dbr_from_rain_rate", "rain_rate_from_dbr"]

Floats = NDArray[np.float64]
Forecast = NDArray[np.float32]

THRESHOLD_DBR = -10.0  # 0.1 mm/h
_THRESHOLD, _DRY_DBR = 0.1, -15.0
_FEWEST_WET = 10  # pixels in a frame; scales and correlations of fewer mean nothing
_FEWEST_LEVELS = 3
_MOST = 0.5  # of the pixels with rain


class UnsuitedError(MethodError):
    """The model cannot work with these frames; within this package the extrapolation then stands in."""


@dataclass(frozen=True)
class Start:
    """What a model of pysteps starts from.

    Attributes:
        method: name of the method, for messages.
        pysteps: the module.
        rain_rate: (time, y, x) up to the last scan that was seen [mm h-1]; NaN not seen.
        motion: (2, y, x) [pixels per step].
        steps: lead times, counted from the last scan that was seen.
        minutes: length of a step.
        km: side of a pixel.
        members: how many forecasts are wanted.
        seed: of the random numbers; None for others every time.
        threads: how many to work in.
    """

    method: str
    pysteps: Any
    rain_rate: Floats
    motion: Floats
    steps: list[int]
    minutes: float
    km: float
    members: int
    seed: int | None
    threads: int

    @cached_property
    def dbr(self) -> Floats:
        """The rain rate as 10 log10, -15 below 0.1 mm h-1; NaN stays NaN."""
        return dbr_from_rain_rate(self.rain_rate)

    def need_rain(self, frames: int, *, within: NDArray[np.bool_] | None = None) -> None:
        """For models that learn from the last frames how rain changes.

        Args:
            frames: how many of the last it uses.
            within: pixels (y, x) that count; all if None. Only those that all the frames saw count in any case.

        Raises:
            UnsuitedError: a frame is missing or hardly has rain, or there is nothing to learn from.
        """
        used = self.rain_rate[-frames:]
        if len(used) < frames or np.isnan(used).all(axis=(1, 2)).any():
            raise UnsuitedError(f"one of the last {frames} scans is missing")
        seen = np.isfinite(used).all(axis=0)
        counted = used[:, seen if within is None else seen & within]
        wet = int((counted >= _THRESHOLD).sum(axis=1).min())
        if wet < _FEWEST_WET:
            raise UnsuitedError(
                f"one of the last {frames} scans has rain in {wet} of the pixels that all of them saw, fewer than {_FEWEST_WET}"
            )
        if (counted[-1] == counted[-2]).all():
            raise UnsuitedError("the last two scans are the same")
        if np.ptp(counted, axis=1).min() == 0:
            raise UnsuitedError(f"one of the last {frames} scans has the same value everywhere")

    def levels(self, wanted: int) -> int:
        """How many levels of a cascade the grid has room for: each spans an octave of wavenumbers or more.

        Raises:
            MethodError: fewer than pysteps can work with.
        """
        side = min(self.rain_rate.shape[1:])
        levels = min(wanted, int(np.log2(max(side / 2, 1))))
        if levels < _FEWEST_LEVELS:
            raise MethodError(
                f"{self.method}: expected {_FEWEST_LEVELS} levels or more in the cascade, for which a grid needs 16 pixels a side; got "
                f"{wanted} levels and {side} pixels; choose pysteps-extrapolation for small grids"
            )
        return levels

    def extrapolated(self, steps: list[int]) -> Floats:
        """The last scan carried along by the motion, (lead_time, y, x) [mm h-1]."""
        forecast: Floats = self.pysteps.nowcasts.get_method("extrapolation")(self.rain_rate[-1], self.motion, steps)
        return np.maximum(forecast, 0.0)

    @property
    def every_step(self) -> list[int]:
        """All steps up to the last lead time. Asked for a few of them, pysteps follows and perturbs the motion in longer steps."""
        return list(range(1, self.steps[-1] + 1))

    def chosen(self, fields: Floats) -> Floats:
        """Of the fields of `every_step` (time, y, x) those at the lead times, as a single member."""
        return fields[np.newaxis, np.array(self.steps) - 1]

    def collected(self) -> tuple[Forecast, Callable[[Floats], None]]:
        """Room for a large ensemble, and what pysteps calls with the fields (member, y, x) of each of `every_step` in turn, to fill it."""
        forecast = np.empty((self.members, len(self.steps), *self.rain_rate.shape[1:]), np.float32)
        places = {step: place for place, step in enumerate(self.steps)}
        steps = track(self.every_step, "forecast")

        def collect(fields: Floats) -> None:
            step = next(steps)
            if step in places:
                forecast[:, places[step]] = fields

        return forecast, collect

    def finished(self, forecast: NDArray[np.floating]) -> Forecast:
        """What a model gave (member, lead_time, y, x) [mm h-1], with 0 for what lies below the threshold.

        Raises:
            UnsuitedError: most of the rain came out as NaN, where numbers broke down or too little was seen of the scans before.
        """
        rain = self.extrapolated(self.steps[:1])[0] >= _THRESHOLD
        if rain.any() and np.isnan(forecast[:, 0, rain]).mean() > _MOST:
            raise UnsuitedError("the model knows nothing of most of the rain")
        finished = forecast.astype(np.float32, copy=False)
        finished[finished < _THRESHOLD] = 0.0
        return finished


def dbr_from_rain_rate(rain_rate: Floats) -> Floats:
    """10 log10 of the rain rate, -15 below the threshold; NaN stays NaN."""
    dbr = np.where(np.isnan(rain_rate), np.nan, _DRY_DBR)
    wet = rain_rate >= _THRESHOLD
    dbr[wet] = 10.0 * np.log10(rain_rate[wet])
    return dbr


def rain_rate_from_dbr(dbr: Floats) -> Floats:
    """The inverse of 10 log10, in mm h-1."""
    rain_rate: Floats = 10.0 ** (dbr / 10.0)
    return rain_rate
