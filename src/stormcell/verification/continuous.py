"""Errors of the rain rate itself, and how well its pattern fits."""

from dataclasses import dataclass

import cv2
import numpy as np
import xarray as xr

from stormcell.verification.fields import Field, Mask, labelled, statistics_of, sums_of_pixels

__all__ = ["Continuous"]

_STATISTICS = (
    "pixels",
    "forecast",
    "observed",
    "forecast_squared",
    "observed_squared",
    "absolute_error",
    "squared_error",
)
_NO_SPREAD = 1e-12  # share of the mean square below which a variance is rounding


@dataclass(frozen=True)
class Continuous:
    """Mean error, mean absolute error, root mean square error, Rainfall-MSE and two correlations; satisfies `Score`.

    With forecast P and observation T over all valid pixels of all cases, in float64:

        me = mean(P - T)                    mae = mean |P - T|
        rainfall_mse = mean (P - T)^2       rmse = sqrt(rainfall_mse)
        correlation = sum(P T) / sqrt(sum(P^2) sum(T^2))
        pearson = sum((P - mean P)(T - mean T)) / sqrt(sum (P - mean P)^2 sum (T - mean T)^2)

    Units are mm h-1 for me, mae and rmse, (mm h-1)^2 for rainfall_mse. Errors are defined on a dry day, and small; the correlations
    are NaN where a field is dry, `pearson` also where one is constant. The double penalty of rain in the wrong place favours blurred
    forecasts in all errors: read them with a spectrum.

    Source:
        `rainfall_mse` and `correlation`, which is not centred: Shi et al. (2015), arXiv:1506.04214. Departure: they average the
        correlation of single frames, with 1e-9 in the denominator; here it is of all pixels of a lead time together.
    """

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Pixels, sums, squares and errors, (lead_time, statistic); a method with members is judged by their mean."""
        return sums_of_pixels(_moments, forecast, observed, valid, statistic=_STATISTICS)

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`me`, `mae`, `rmse`, `rainfall_mse`, `correlation` and `pearson`, (lead_time,) each."""
        n, p, t, pp, tt, absolute, squared = statistics_of(sums, _STATISTICS)
        pt = (pp + tt - squared) / 2
        squares = np.where(pp * tt > 0, pp * tt, np.nan)  # of a dry field pt is rounding, and no number over 0
        spread_p, spread_t = pp - p * p / np.maximum(n, 1), tt - t * t / np.maximum(n, 1)
        spread = np.where((spread_p > _NO_SPREAD * pp) & (spread_t > _NO_SPREAD * tt), spread_p * spread_t, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = {
                "me": (p - t) / n,
                "mae": absolute / n,
                "rmse": np.sqrt(squared / n),
                "rainfall_mse": squared / n,
                "correlation": np.clip(pt / np.sqrt(squares), 0, 1),
                "pearson": np.clip((pt - p * t / n) / np.sqrt(spread), -1, 1),
            }
        return xr.Dataset({name: labelled(sums, value) for name, value in values.items()})


def _moments(said: Field, seen: Field, known: Mask) -> tuple[float, ...]:
    """OpenCV adds up float32 in float64, in one pass and without copies."""
    return (
        float(np.count_nonzero(known)),
        cv2.sumElems(said)[0],
        cv2.sumElems(seen)[0],
        cv2.norm(said, cv2.NORM_L2SQR),
        cv2.norm(seen, cv2.NORM_L2SQR),
        cv2.norm(said, seen, cv2.NORM_L1),
        cv2.norm(said, seen, cv2.NORM_L2SQR),
    )
