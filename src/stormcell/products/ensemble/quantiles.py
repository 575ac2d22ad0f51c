"""Rain rates that a given share of the members stay at or below."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from stormcell.frames import STANDARD_NAME, UNITS, check_forecast
from stormcell.products.ensemble.members import Floats, check_levels, label_product, quantile_axis

__all__ = ["rain_quantiles"]

_BLOCK = 32768  # pixels sorted at a time


def rain_quantiles(forecast: xr.DataArray, levels: Sequence[float]) -> xr.DataArray:
    """Quantiles of the rain rate over the members, pixel by pixel.

    With the n members that have a value in order, x_0 <= ... <= x_(n-1), and h = (n - 1) q,

        Q(q) = x_floor(h) + (h - floor(h)) (x_(floor(h)+1) - x_floor(h)).

    0 is the driest member, 0.5 the median, 1 the wettest. A field of quantiles is no weather that could happen: the wettest members of two
    places need not be the same.

    Args:
        forecast: (member, lead_time, y, x) rain rate [mm h-1].
        levels: q, 0 to 1, rising.

    Returns:
        `rainfall_rate_quantile`, (quantile, lead_time, y, x) [mm h-1], never falling with q; exactly 0 where the members are dry. NaN where
        fewer than half of the members have a value.

    Raises:
        FramesError: the forecast breaks the contract, or the levels are not rising from 0 to 1.

    Source:
        Hyndman & Fan (1996), doi:10.1080/00031305.1996.10473566, their seventh definition, that of `numpy.quantile`.
    """
    levels = check_levels(levels)
    members, leads, rows, columns = check_forecast(forecast).shape
    rain_rate = forecast.values.reshape(members, leads, -1)
    quantiles = np.zeros((len(levels), leads, rows * columns), np.float32)
    for lead in range(leads):
        for start in range(0, rows * columns, _BLOCK):
            block = slice(start, start + _BLOCK)
            fields = rain_rate[:, lead, block]
            wet = np.flatnonzero((fields != 0).any(axis=0))  # NaN is not 0
            quantiles[:, lead, start + wet] = _quantiles(fields[:, wet], levels)
    return label_product(
        quantiles.reshape(-1, leads, rows, columns),
        forecast,
        name="rainfall_rate_quantile",
        long_name="quantile of rain rate over the members",
        axis=quantile_axis(levels),
        standard_name=STANDARD_NAME,
        units=UNITS,
    )


def _quantiles(fields: Floats, levels: Sequence[float]) -> Floats:
    """(member, pixel) to (quantile, pixel)."""
    members, pixels = fields.shape
    ordered = np.sort(np.ascontiguousarray(fields.T), axis=1)  # NaN comes last
    known = members - np.count_nonzero(np.isnan(ordered), axis=1)
    found = np.empty((len(levels), pixels), np.float32)
    pixel = np.arange(pixels)
    for number, level in enumerate(levels):
        place = np.maximum(known - 1, 0) * level
        lower = place.astype(np.intp)
        below, above = ordered[pixel, lower], ordered[pixel, np.minimum(lower + 1, np.maximum(known - 1, 0))]
        between = below + (place - lower).astype(np.float32) * (above - below)
        found[number] = np.minimum(between, above)  # rounding must not pass the next member
    found[:, 2 * known < members] = np.nan
    return found
