"""From which forecast rain rate on an event is best said: the table of hits for every rate that it could be said from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from stormcell.verification.fields import Field, Mask, Sums, check_thresholds, sums_of_pixels
from stormcell.verification.rain_rates import RATES

__all__ = ["DecisionRates"]

_STATISTICS = ("pixels", "events")


@dataclass(frozen=True)
class DecisionRates:
    """Critical success index of an event that is said where the forecast reaches any of some rates; satisfies `Score`.

        csi_from(L, r) = #(F >= r, O >= L) / [ #(O >= L) + #(F >= r, O < L) ],    csi(L) = csi_from(L, L)

    The maximum over r is what a forecast is worth to one who knows from which rate on to warn. A method with members is judged by their
    mean.

    Args:
        thresholds: rain rates L that make an event [mm h-1], rising.

    Raises:
        FramesError: the thresholds are not above 0 and rising.
    """

    thresholds: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0)

    def __post_init__(self) -> None:
        check_thresholds(self.thresholds)

    @cached_property
    def rates(self) -> tuple[float, ...]:
        """Of r [mm h-1]: the bounds of `RATES`, and the thresholds themselves."""
        return tuple(sorted({*RATES, *self.thresholds}))

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Pixels, and events among them, by class of the forecast, (lead_time, threshold, rain_rate, statistic).

        `rain_rate` is the class's lower bound, 0 for what is below the first.
        """
        dims = {"threshold": self.thresholds, "rain_rate": [0.0, *self.rates]}
        return sums_of_pixels(self._counts, forecast, observed, valid, statistic=_STATISTICS, **dims)

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`csi` (lead_time, threshold) and `csi_from` (lead_time, threshold, rain_rate); NaN where the event never came nor was said."""
        reaching = sums.isel(rain_rate=slice(None, None, -1)).cumsum("rain_rate", skipna=False).isel(rain_rate=slice(None, None, -1))
        said, hits = (reaching.sel(statistic=name, drop=True) for name in _STATISTICS)
        union = hits.isel(rain_rate=0, drop=True) + said - hits
        csi = hits / union.where(union > 0)
        own = xr.DataArray(list(self.thresholds), dims="threshold", coords={"threshold": list(self.thresholds)})
        return xr.Dataset({"csi": csi.sel(rain_rate=own).drop_vars("rain_rate"), "csi_from": csi})

    def _counts(self, said: Field, seen: Field, known: Mask) -> Sums:
        bounds, levels = (np.asarray(rates, np.float32) for rates in (self.rates, self.thresholds))
        forecast = np.searchsorted(bounds, said[known], side="right")
        reached = np.searchsorted(levels, seen[known], side="right")  # how many thresholds, of each pixel
        classes = bounds.size + 1
        table = np.bincount(reached * classes + forecast, minlength=(levels.size + 1) * classes).reshape(levels.size + 1, classes)
        events = table[::-1].cumsum(axis=0)[::-1][1:]
        return np.stack([np.broadcast_to(table.sum(axis=0), events.shape), events], axis=-1).astype(float)
