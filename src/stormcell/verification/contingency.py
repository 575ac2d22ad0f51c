"""Yes/no scores: was it raining at or above a threshold, where it was said to?

An event is a rain rate >= the threshold, in forecast and observation alike. A pixel counts where both are known.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from stormcell.errors import FramesError

__all__ = ["Contingency", "bias", "csi", "far", "pod"]

OUTCOMES = ("hits", "misses", "false_alarms", "correct_negatives")


def _ratio(part: xr.DataArray, whole: xr.DataArray) -> xr.DataArray:
    return (part / whole.where(whole > 0)).drop_vars("outcome", errors="ignore")


def csi(counts: xr.DataArray) -> xr.DataArray:
    """Critical success index: hits / (hits + misses + false alarms); 1 is perfect, NaN where nothing rained or was forecast."""
    hits, misses, false_alarms = (counts.sel(outcome=name, drop=True) for name in OUTCOMES[:3])
    return _ratio(hits, hits + misses + false_alarms)


def pod(counts: xr.DataArray) -> xr.DataArray:
    """Probability of detection: hits / (hits + misses); NaN where it never rained."""
    hits, misses = (counts.sel(outcome=name, drop=True) for name in OUTCOMES[:2])
    return _ratio(hits, hits + misses)


def far(counts: xr.DataArray) -> xr.DataArray:
    """False alarm ratio: false alarms / (hits + false alarms); 0 is perfect, NaN where no rain was forecast."""
    hits, false_alarms = (counts.sel(outcome=name, drop=True) for name in ("hits", "false_alarms"))
    return _ratio(false_alarms, hits + false_alarms)


def bias(counts: xr.DataArray) -> xr.DataArray:
    """Frequency bias: (hits + false alarms) / (hits + misses); 1 is perfect, NaN where it never rained."""
    hits, misses, false_alarms = (counts.sel(outcome=name, drop=True) for name in OUTCOMES[:3])
    return _ratio(hits + false_alarms, hits + misses)


@dataclass(frozen=True)
class Contingency:
    """A score from the table of hits, misses, false alarms and correct negatives; satisfies `Score`.

    Attributes:
        thresholds: rain rates that make an event [mm h-1].
        formula: `csi`, `pod`, `far` or `bias`.
    """

    thresholds: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0)
    formula: Callable[[xr.DataArray], xr.DataArray] = csi

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray) -> xr.DataArray:
        """Counts of the four outcomes, (threshold, lead_time, outcome), summed over members and pixels known to both.

        Raises:
            FramesError: the two do not cover the same lead times and grid.
        """
        if forecast.shape[1:] != observed.shape:
            raise FramesError(f"scores: the forecast has {forecast.shape[1:]} values a member, the observation {observed.shape}")
        counts = np.zeros((len(self.thresholds), forecast.sizes["lead_time"], 4), np.int64)
        for lead in range(forecast.sizes["lead_time"]):
            truth = observed.values[lead]
            for member in forecast.values[:, lead]:
                known = np.isfinite(member) & np.isfinite(truth)
                said, seen = member[known], truth[known]
                for row, threshold in enumerate(self.thresholds):
                    yes, rain = said >= threshold, seen >= threshold
                    hits, forecast_events, events = (int(np.count_nonzero(part)) for part in (yes & rain, yes, rain))
                    misses, false_alarms = events - hits, forecast_events - hits
                    counts[row, lead] += (hits, misses, false_alarms, known.sum() - hits - misses - false_alarms)
        coords = {"threshold": list(self.thresholds), "lead_time": forecast["lead_time"].values, "outcome": list(OUTCOMES)}
        return xr.DataArray(counts, dims=("threshold", "lead_time", "outcome"), coords=coords, name="counts")

    def value(self, sums: xr.DataArray) -> xr.DataArray:
        """The formula applied to the counts, (threshold, lead_time)."""
        return self.formula(sums)
