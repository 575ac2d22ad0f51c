"""The probability-matched mean: where the ensemble mean has its rain, as heavy as the members have it."""

import numpy as np
import xarray as xr

from stormcell.frames import STANDARD_NAME, UNITS, check_forecast
from stormcell.products.ensemble.mean import member_mean
from stormcell.products.ensemble.members import Floats, label_product

__all__ = ["probability_matched_mean"]


def probability_matched_mean(forecast: xr.DataArray) -> xr.DataArray:
    """The ensemble mean, rank by rank given the distribution of rain rates of all members together.

    At each lead time the values of all m members at the n pixels where the mean is known are put in order, and of each m that follow
    one another the middle one is kept: n values with the members' distribution. The pixel at which the mean is largest gets the largest
    of them, and so on. The pattern is the mean's, which is the better place; the amounts are the members', which the mean smears out.

    Where members miss values, K < m n remain, and of equal shares of K the middle ones are kept. A pixel where all members are dry stays
    exactly 0. Among pixels with equal means the one further south, then further east, gets the larger value.

    Args:
        forecast: (member, lead_time, y, x) rain rate [mm h-1].

    Returns:
        `probability_matched_mean`, (lead_time, y, x) [mm h-1]; NaN where fewer than half of the members have a value.

    Raises:
        FramesError: the forecast breaks the contract.

    Source:
        Ebert (2001), doi:10.1175/1520-0493(2001)129<2461:AOAPMS>2.0.CO;2.
    """
    rain_rate = check_forecast(forecast).values
    matched = np.stack([_matched(rain_rate[:, lead]) for lead in range(rain_rate.shape[1])])
    return label_product(
        matched,
        forecast,
        name="probability_matched_mean",
        long_name="probability-matched ensemble mean of rain rate",
        standard_name=STANDARD_NAME,
        units=UNITS,
    )


def _matched(fields: Floats) -> Floats:
    """One lead time, (member, y, x) to (y, x). Only what is above 0 is sorted: most of a map is dry."""
    mean = member_mean(fields)
    matched: Floats = np.where(np.isnan(mean), np.float32(np.nan), np.float32(0))
    places = np.flatnonzero(mean > 0)
    if places.size == 0:
        return matched
    known = ~np.isnan(mean)
    wet = np.sort(np.concatenate([field[known & (field > 0)] for field in fields]))
    pooled = sum(int(np.count_nonzero(known & ~np.isnan(field))) for field in fields)
    count = int(np.count_nonzero(known))
    rank = np.arange(count - places.size, count)  # of all pixels that are known, from the driest
    kept = (2 * rank + 1) * pooled // (2 * count) - (pooled - wet.size)
    order = places[np.argsort(mean.ravel()[places], kind="stable")]
    matched.ravel()[order] = np.where(kept >= 0, wet[np.maximum(kept, 0)], np.float32(0))
    return matched
