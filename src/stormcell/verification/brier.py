"""Probabilities of rain: Brier score and its parts, reliability curve and ROC curve."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from stormcell.verification.fields import Field, Mask, Sums, check_thresholds, sums_of_members

__all__ = ["STATISTICS", "Brier"]

STATISTICS = ("pixels", "events", "probability", "probability_squared", "probability_of_events", "fair_excess")
"""What is summed of each bin, in this order."""
_BINS = 51  # of forecast probability, centred on 0, 0.02, ... 1


@dataclass(frozen=True)
class Brier:
    """Scores of the probability that the rain rate reaches a threshold; satisfies `Score`.

    The forecast probability p is the share of members that reach the threshold (>=), o is 1 where the observation does and 0 where
    not, and means run over all valid pixels of all cases. With bins k of p that hold n_k of n pixels, and the means p_k and o_k in them,

        brier = mean (p - o)^2 = reliability - resolution + uncertainty
        reliability = sum n_k (p_k - o_k)^2 / n        0 is best: probabilities mean what they say
        resolution = sum n_k (o_k - mean o)^2 / n      large is good: different forecasts, different outcomes
        uncertainty = mean o (1 - mean o)              of the weather, whatever is forecast
        brier_skill = 1 - brier / uncertainty          1 is perfect, 0 is saying `mean o` everywhere, NaN if it always or never rained
        fair_brier = brier - mean p (1 - p) / (m - 1)  what as many members as one likes would have: ensembles of different sizes can
                                                       be compared; NaN with one member

    The curves run over the dimension `forecast_probability`:

        mean_probability, observed_frequency, share    p_k, o_k and n_k / n, for a reliability diagram; NaN in empty bins
        hit_rate, false_alarm_rate                     of a warning issued where p lies in bin k or above, for a ROC diagram; the point
                                                       (0, 0), no warning ever, is not listed
        roc_area                                       under it, by trapezoids: the chance that p is larger where it rained than where it
                                                       did not, ties counted half; 0.5 is no discrimination. NaN if it always or
                                                       never rained

    Bins are the same 51 for every ensemble, centred on 0, 0.02, ... 1, so that the sums of different methods have one shape. Up to
    50 members each of the m + 1 probabilities k / m has a bin of its own, and everything here is exact. With more, bins hold several:
    the Brier score stays exact, `resolution` takes in what varies within bins, so that the three parts still add up, and the ROC
    curve has corners at the bins only.

    The sample's own frequency of rain is the reference of skill, pooled over cases: part of the skill is then knowing a wet day from
    a dry one. One member is a probability of 0 or 1; its Brier score is the share of wrong answers.

    Args:
        thresholds: rain rates that make an event [mm h-1], rising.

    Raises:
        FramesError: the thresholds are not above 0 and rising.

    Source:
        Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2; Murphy (1973),
        doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2, for the parts; Stephenson, Coelho & Jolliffe (2008),
        doi:10.1175/2007WAF2006116.1, for bins that hold several probabilities, their "generalised resolution"; Mason & Graham (2002),
        doi:10.1256/003590002320603584, for the area; Hamill & Juras (2006), doi:10.1256/qj.06.25, on pooled references; Ferro (2014),
        doi:10.1002/qj.2270, for the fair score.
    """

    thresholds: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0)

    def __post_init__(self) -> None:
        check_thresholds(self.thresholds)

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """For each bin the pixels, the events, and the sums of p, p^2, p o and p (1 - p) / (m - 1).

        Their dims are (lead_time, threshold, forecast_probability, statistic).
        """
        dims = {"threshold": self.thresholds, "forecast_probability": np.linspace(0, 1, _BINS).tolist()}
        return sums_of_members(self._table, forecast, observed, valid, statistic=STATISTICS, **dims)

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """The scores (lead_time, threshold), and the curves (lead_time, threshold, forecast_probability), named above."""
        sums = sums.reindex(statistic=list(STATISTICS))  # sums that were stored before there was a fair score have none
        labels = sums.isel(statistic=0, drop=True).coords
        bare = sums.drop_vars(list(sums.coords))  # to find equal labels equal, at each step, took half of the time
        pixels, events, p, pp, po, excess = (bare.isel(statistic=number) for number in range(len(STATISTICS)))
        here, n = pixels.where(pixels > 0), pixels.sum("forecast_probability", skipna=False)
        n, rained = n.where(n > 0), events.sum("forecast_probability", skipna=False)
        frequency = rained / n
        uncertainty = frequency * (1 - frequency)

        def mean(parts: xr.DataArray) -> xr.DataArray:
            return parts.sum("forecast_probability", skipna=False) / n

        # Written so that empty bins add 0 to each sum over bins.
        full = pixels.where(pixels > 0, 1)
        between = events**2 / full
        reliability = mean((p - events) ** 2 / full)
        within = (pp - p**2 / full) - 2 * (po - p * events / full)  # rounding at most, where a bin holds one probability
        resolution = mean(between - within) - frequency**2
        brier = mean(pp - 2 * po + events)
        return xr.Dataset(
            {
                "brier": brier,
                "fair_brier": brier - mean(excess),
                "reliability": reliability,
                "resolution": resolution,
                "uncertainty": uncertainty,
                "brier_skill": 1 - brier / uncertainty.where(uncertainty > 0),
                "mean_probability": p / here,
                "observed_frequency": events / here,
                "share": pixels / n,
                **_roc(events, pixels - events),
            }
        ).assign_coords(labels)

    def _table(self, members: Field, seen: Field, known: Mask) -> Sums:
        count = len(members)
        p = np.arange(count + 1) / count
        excess = p * (1 - p) / (count - 1) if count > 1 else np.full(count + 1, np.nan)
        bins = np.floor(p * (_BINS - 1) + 0.5).astype(int)
        sums = np.zeros((len(self.thresholds), _BINS, len(STATISTICS)))
        levels = np.empty(seen.shape, np.int32)
        for row, threshold in enumerate(np.asarray(self.thresholds, np.float32)):
            np.multiply(seen >= threshold, count + 1, out=levels)
            for member in members:
                levels += member >= threshold
            pixels = np.bincount(levels[known], minlength=2 * (count + 1)).reshape(2, count + 1)  # without and with an event
            both, events = pixels.sum(axis=0), pixels[1]
            for column, amount in enumerate((both, events, both * p, both * p**2, events * p, both * excess)):
                sums[row, :, column] = np.bincount(bins, weights=amount, minlength=_BINS)
        return sums


def _roc(events: xr.DataArray, others: xr.DataArray) -> dict[str, xr.DataArray]:
    """Hit rate, false alarm rate and the area under their curve, from the pixels with and without an event in each bin."""
    hits, false_alarms = (
        counts.isel(forecast_probability=slice(None, None, -1)).cumsum("forecast_probability", skipna=False) for counts in (events, others)
    )
    hits, false_alarms = (counts.isel(forecast_probability=slice(None, None, -1)) for counts in (hits, false_alarms))
    rained, dry = (counts.isel(forecast_probability=0, drop=True) for counts in (hits, false_alarms))
    rained, dry = rained.where(rained > 0), dry.where(dry > 0)
    # Of each pixel without an event: the events with a larger probability, and half of those with the same.
    area = (others * (hits - events / 2)).sum("forecast_probability", skipna=False) / (rained * dry)
    return {"hit_rate": hits / rained, "false_alarm_rate": false_alarms / dry, "roc_area": area}
