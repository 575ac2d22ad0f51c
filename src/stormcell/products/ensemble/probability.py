"""How likely it is that the rain reaches a threshold."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from stormcell.frames import check_forecast
from stormcell.products.ensemble.members import (
    Counts,
    Floats,
    check_thresholds,
    known_members,
    label_product,
    share_of_members,
    threshold_axis,
)

__all__ = ["exceedance_probability", "members_above"]


def exceedance_probability(forecast: xr.DataArray, thresholds: Sequence[float]) -> xr.DataArray:
    """The share of members that reach each threshold.

        P(R >= L) = (members with R >= L) / (members that have a value)

    Exactly 0 where no member does and 1 where all do; it never rises with the threshold. NaN where fewer than half of the members have
    a value.

    Args:
        forecast: (member, lead_time, y, x) rain rate [mm h-1].
        thresholds: L [mm h-1], above 0 and rising.

    Returns:
        `probability`, (threshold, lead_time, y, x), 0 to 1.

    Raises:
        FramesError: the forecast breaks the contract, or the thresholds are not above 0 and rising.
    """
    thresholds = check_thresholds(thresholds)
    rain_rate = check_forecast(forecast).values
    probability = np.empty((len(thresholds), *rain_rate.shape[1:]), np.float32)
    for lead in range(rain_rate.shape[1]):
        fields = rain_rate[:, lead]
        known = known_members(fields)
        for number, threshold in enumerate(thresholds):
            probability[number, lead] = share_of_members(members_above(fields, threshold), known, len(fields))
    return label_product(
        probability,
        forecast,
        name="probability",
        long_name="probability that the rain rate reaches the threshold",
        axis=threshold_axis(thresholds),
        units="1",
    )


def members_above(fields: Floats, threshold: float) -> Counts:
    """How many members reach the threshold, (member, y, x) to (y, x); one that has no value does not."""
    count = np.zeros(fields.shape[1:], np.uint16)
    for field in fields:
        count += field >= np.float32(threshold)
    return count
