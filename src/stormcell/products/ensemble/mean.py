"""The mean of an ensemble."""

import numpy as np
import xarray as xr

from stormcell.frames import STANDARD_NAME, UNITS, check_forecast
from stormcell.products.ensemble.members import Floats, known_members, label_product

__all__ = ["ensemble_mean", "member_mean"]


def ensemble_mean(forecast: xr.DataArray) -> xr.DataArray:
    """The mean rain rate over the members: the best single guess by squared error, smoother and with less heavy rain than any member.

    Args:
        forecast: (member, lead_time, y, x) rain rate [mm h-1].

    Returns:
        `ensemble_mean`, (lead_time, y, x) [mm h-1], over the members that have a value; NaN where these are fewer than half. Exactly 0
        where all are dry.

    Raises:
        FramesError: the forecast breaks the contract.
    """
    rain_rate = check_forecast(forecast).values
    mean = np.stack([member_mean(rain_rate[:, lead]) for lead in range(rain_rate.shape[1])])
    return label_product(
        mean,
        forecast,
        name="ensemble_mean",
        long_name="ensemble mean of rain rate",
        standard_name=STANDARD_NAME,
        units=UNITS,
    )


def member_mean(fields: Floats) -> Floats:
    """Mean over the members, (member, y, x) to (y, x), of those that have a value; NaN where fewer than half have one."""
    if len(fields) == 1:
        only: Floats = fields[0]
        return only
    known = known_members(fields)
    total = np.zeros(known.shape, np.float32)
    for field in fields:
        np.add(total, field, out=total, where=~np.isnan(field))
    mean: Floats = np.full(known.shape, np.nan, np.float32)
    np.divide(total, known, out=mean, where=2 * known >= len(fields), dtype=np.float32)
    return mean
