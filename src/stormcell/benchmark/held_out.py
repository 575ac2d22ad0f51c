"""What a calibration makes of cases that it was not learnt from: sums of the calibrated forecasts, without forecasting again."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.methods.calibration import ProbabilityMaps, RainRateMaps
from stormcell.verification.brier import STATISTICS
from stormcell.verification.rain_rates import RATES

__all__ = ["calibrated_brier_sums", "calibrated_decision_sums", "calibrated_rain_rate_sums", "held_out"]

Maps = TypeVar("Maps")


def held_out(
    sums: xr.DataArray,
    folds: NDArray[np.int64],
    learn: Callable[[xr.DataArray], Maps],
    apply: Callable[[xr.DataArray, Maps], xr.DataArray],
) -> xr.DataArray:
    """The sums of all cases after calibration, each fold calibrated by what was learnt from the others.

    Args:
        sums: (case, ...).
        folds: (case,), the number of each case's fold.
        learn: from the sums of some cases to maps.
        apply: from the sums of others, and these maps, to sums of the same layout.
    """
    result = sums.copy(deep=True)
    for fold in np.unique(folds):
        mine = folds == fold
        result.values[mine] = apply(sums.isel(case=mine), learn(sums.isel(case=~mine))).values
    return result


def calibrated_brier_sums(sums: xr.DataArray, maps: ProbabilityMaps) -> xr.DataArray:
    """The sums that `Brier` gathers of forecasts with the probability q = g(p).

    The n pixels and e events of each bin go to the bin of q, with the sums n q, n q^2 and e q. Exact while each bin holds one probability
    (up to 50 members); beyond, all of a bin are taken for its mean. A probability with a map is no longer the share of some members, so
    there is no fair score of it, NaN.

    Args:
        sums: (case, lead_time, threshold, forecast_probability, statistic).
        maps: what was learnt, at the same lead times.
    """
    sums = sums.reindex(statistic=list(STATISTICS))  # sums that were stored before there was a fair score have none
    total = np.zeros((sums.sizes["statistic"], *sums.shape[:-1]))
    bins = sums.sizes["forecast_probability"]
    pixels, events, probability, excess = (sums.sel(statistic=name).values for name in ("pixels", "events", "probability", "fair_excess"))
    p = np.divide(probability, pixels, out=np.zeros_like(pixels), where=pixels > 0)
    for lead in range(sums.sizes["lead_time"]):
        q = np.moveaxis(maps(np.moveaxis(p[:, lead], 1, 0), lead), 0, 1)  # (case, threshold, bin)
        n, e = pixels[:, lead], events[:, lead]
        unmapped = np.array([curve is None for curve in maps.values[lead]])[:, None]
        fair = np.where(unmapped, excess[:, lead], np.nan)
        case, row, _ = np.indices(q.shape)
        target = np.floor(q * (bins - 1) + 0.5).astype(np.intp)
        for column, amount in enumerate((n, e, n * q, n * q**2, e * q, fair)):
            np.add.at(total[column, :, lead], (case, row, target), amount)
    return sums.copy(data=np.moveaxis(total, 0, -1))


def calibrated_decision_sums(sums: xr.DataArray, maps: RainRateMaps) -> xr.DataArray:
    """The sums that `DecisionRates` gathers of forecasts with the rain rate T(x): each class moves to that of T of its lower bound.

    Exact at the thresholds, where T is a decision of one of the classes.

    Args:
        sums: (case, lead_time, threshold, rain_rate, statistic).
        maps: what was learnt, at the same lead times.
    """
    bounds = sums["rain_rate"].values
    result = sums.copy(data=np.zeros_like(sums.values))
    for lead in range(sums.sizes["lead_time"]):
        target = np.searchsorted(bounds, maps(bounds, lead) * (1 + 1e-9), side="right") - 1
        moved = np.moveaxis(result.values[:, lead], 2, 0)
        np.add.at(moved, target, np.moveaxis(sums.values[:, lead], 2, 0))
    return result


def calibrated_rain_rate_sums(sums: xr.DataArray, maps: RainRateMaps) -> xr.DataArray:
    """The sums that `RainRates` gathers of forecasts with the rain rate T(x).

    How many pixels reach a rate r after calibration is how many reached the x with T(x) = r before, by a line in log G between classes.

    Args:
        sums: (case, lead_time, rain_rate, statistic).
        maps: what was learnt, at the same lead times.
    """
    result = sums.copy(deep=True)
    bounds = np.array(RATES)
    forecast = sums.sel(statistic="forecast").values
    fine = np.geomspace(RATES[0], 4 * RATES[-1], 4000)
    for lead in range(sums.sizes["lead_time"]):
        if maps.values[lead] is None:
            continue
        reached = maps(fine, lead)
        before = fine[np.minimum(np.searchsorted(reached, bounds, side="left"), fine.size - 1)]
        beyond = reached[-1] < bounds
        for case in range(sums.sizes["case"]):
            counts = forecast[case, lead]
            reaching = np.cumsum(counts[::-1])[::-1][1:]
            after = np.exp(np.interp(np.log(before), np.log(bounds), np.log(np.maximum(reaching, 1e-9)))) - 1e-9
            after = np.where(beyond | (before > bounds[-1]), 0.0, np.maximum(after, 0.0))
            result.values[case, lead, :, 0] = -np.diff([counts.sum(), *after, 0.0])
    return result
