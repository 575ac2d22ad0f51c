"""Distribution of rain rates: does each rate fall as often as it is forecast?"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from stormcell.verification.fields import Field, Mask, Sums, sums_of_members

__all__ = ["RATES", "RainRates"]

RATES: tuple[float, ...] = tuple(float(f"{0.1 * 2 ** (step / 8):.6g}") for step in range(89))
"""Lower bounds of the classes of rain rate [mm h-1]: 8 an octave, from 0.1 to 204.8; what is below the first is dry."""

_STATISTICS = ("forecast", "observed")


@dataclass(frozen=True)
class RainRates:
    """Histograms of forecast and observed rain rates; satisfies `Score`.

    With G_f(r) and G_o(r) the shares of pixels whose rain rate reaches r, in the forecast and in the observation, and r over the bounds
    of the classes,

        distance = max |G_f(r) - G_o(r)|           0 is best; where the rain is plays no part. Of Kolmogorov and Smirnov.
        wet_ratio = G_f(0.1) / G_o(0.1)            1 is best; NaN where it was dry

    Each member is counted, with a weight of 1 / m.
    """

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """How many pixels lie in each class, (lead_time, rain_rate, statistic); `rain_rate` is the class's lower bound."""
        return sums_of_members(_counts, forecast, observed, valid, statistic=_STATISTICS, rain_rate=[0.0, *RATES])

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """The two values (lead_time,)."""
        reaching = sums.isel(rain_rate=slice(None, None, -1)).cumsum("rain_rate", skipna=False).isel(rain_rate=slice(None, None, -1))
        pixels, wet = reaching.isel(rain_rate=0, drop=True), reaching.isel(rain_rate=1, drop=True)
        share = reaching / pixels.where(pixels > 0)
        forecast, observed = (share.sel(statistic=name, drop=True) for name in _STATISTICS)
        rained = wet.sel(statistic="observed", drop=True)
        return xr.Dataset(
            {
                "distance": abs(forecast - observed).max("rain_rate", skipna=False),
                "wet_ratio": wet.sel(statistic="forecast", drop=True) / rained.where(rained > 0),
            }
        )


def _counts(members: Field, seen: Field, known: Mask) -> Sums:
    sums = np.zeros((len(RATES) + 1, len(_STATISTICS)))
    bounds, pixels = np.asarray(RATES, np.float32), int(known.sum())
    for column, fields in enumerate((members, seen[np.newaxis])):
        for field in fields:
            wet = field[field >= bounds[0]]  # outside the mask all is 0
            counts = np.bincount(np.searchsorted(bounds, wet, side="right"), minlength=bounds.size + 1)
            sums[:, column] += counts / len(fields)
        sums[0, column] = pixels - sums[1:, column].sum()
    return sums
