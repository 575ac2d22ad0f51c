"""Skill horizon: the lead time at which a forecast is no longer worth having."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError

__all__ = ["skill_horizon"]


def skill_horizon(score: xr.DataArray, level: xr.DataArray | float, *, higher_is_better: bool = True) -> xr.Dataset:
    """The lead time at which a score first falls below a level.

    With the margin d(t) = score - level (level - score for errors), negative for the first time at t_k, the horizon is where the
    straight line from the lead time before crosses 0:

        horizon = t_(k-1) + (t_k - t_(k-1)) d_(k-1) / (d_(k-1) - d_k)

    What comes after the first loss does not count. Equal to the level is not below it.

    Args:
        score: (lead_time, ...), as from the `value` of a `Score`.
        level: a number (CSI 0.3), or another curve over the same lead times: the score of persistence or of a climatology.
        higher_is_better: False for errors, where skill is lost above the level.

    Returns:
        Two variables with the dimensions of `score` but `lead_time`. `horizon` is a time span, NaT where there is none, and `outcome`
        says what was found:

            "lost"      at `horizon`
            "kept"      not lost by the last lead time: the horizon is at least that
            "none"      below the level at the first lead time already: it is at most that
            "unknown"   the score or the level is NaN at a lead time before any loss

    Raises:
        FramesError: no lead times, or they do not rise; or the level is given at other lead times.
    """
    leads = score["lead_time"].values if "lead_time" in score.coords else np.array([])
    spans = leads.size > 0 and np.issubdtype(leads.dtype, np.timedelta64)
    if "lead_time" not in score.dims or not spans or np.any(np.diff(leads) <= np.timedelta64(0, "s")):
        raise FramesError(f"skill horizon: expected a score at rising lead times, got dims {score.dims}")
    if isinstance(level, xr.DataArray) and "lead_time" in level.dims and not np.array_equal(level["lead_time"].values, leads):
        raise FramesError("skill horizon: expected the level at the lead times of the score")
    margin = (score - level if higher_is_better else level - score).transpose("lead_time", ...)
    horizon, outcome = _first_loss(margin.values.astype(np.float64), leads.astype("timedelta64[ns]").astype(np.float64))
    like = margin.isel(lead_time=0, drop=True)
    lasting = np.where(np.isnan(horizon), np.timedelta64("NaT", "ns"), np.round(np.nan_to_num(horizon)).astype("timedelta64[ns]"))
    return xr.Dataset({"horizon": like.copy(data=lasting), "outcome": like.copy(data=outcome)})


def _first_loss(margin: NDArray[np.float64], leads: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Horizon, NaN where there is none, and outcome, of margins (lead_time, ...)."""
    ended = ~(margin >= 0)  # lost or unknown
    first = np.argmax(ended, axis=0)
    before = np.maximum(first - 1, 0)
    d0, d1 = (np.take_along_axis(margin, index[np.newaxis], axis=0)[0] for index in (before, first))
    at_end = ended.any(axis=0)
    outcome = np.select(
        [~at_end, np.isnan(d1), first == 0],
        ["kept", "unknown", "none"],
        "lost",
    )
    fall = np.where(outcome == "lost", d0 - d1, 1.0)
    horizon = leads[before] + (leads[first] - leads[before]) * d0 / fall
    return np.where(outcome == "lost", horizon, np.nan), outcome
