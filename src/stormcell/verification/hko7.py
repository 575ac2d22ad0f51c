"""The HKO-7 benchmark's way of scoring, as a whole, so that numbers can be put beside the published ones."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from stormcell.verification.balanced import Balanced
from stormcell.verification.contingency import OUTCOMES, Contingency, csi, far, hss, pod
from stormcell.verification.fields import Field, Mask
from stormcell.verification.grey import GREY_LEVELS, grey_from_rain_rate
from stormcell.verification.score import check_case

__all__ = ["HKO7", "is_noise"]

_LOWEST_LEVEL, _HIGHEST_LEVEL = 1, 70  # grey levels of what the benchmark takes for noise


def is_noise(observed: Field) -> Mask:
    """Weak echoes that the benchmark leaves out: grey levels 1 to 70 of 255, or rain of 0.017 to 0.24 mm/h. Dry pixels stay in.

    The benchmark's rule is a grey value above 0 and below 0.28, which for its 8-bit images means a level below round(0.28 * 255) = 71.

    Args:
        observed: rain rate [mm h-1], (..., y, x); NaN is not noise.

    Returns:
        bool, same shape.
    """
    levels = GREY_LEVELS * grey_from_rain_rate(np.nan_to_num(observed))
    noise: Mask = (levels >= _LOWEST_LEVEL - 0.5) & (levels < _HIGHEST_LEVEL + 0.5)
    return noise


@dataclass(frozen=True)
class HKO7:
    """CSI and HSS at 0.5, 2, 5, 10 and 30 mm/h, B-MSE and B-MAE, as the HKO-7 benchmark works them out; satisfies `Score`.

    1. A pixel counts where `valid` says so (hand in the benchmark's own fixed mask) and the observation is not noise (`is_noise`).
    2. Rain rates become grey values, clipped to 0..1, with Z = 58.53 R^1.56.
    3. Outcomes are counted (>=) and added up over all sequences, lead time by lead time; CSI, HSS, POD and FAR are of these counts.
       The published figure is the mean of them over the 20 lead times, here `mean_csi` and so on.
    4. B-MSE and B-MAE are sums over pixels, averaged over sequences, then over lead times: see `Balanced`.

    Departure: a frame without a single pixel to score is not counted among the frames; in the benchmark it counts as an error of 0.

    Source:
        Shi et al. (2017), arXiv:1706.03458, and its evaluation code, github.com/sxjscience/HKO-7.
    """

    thresholds: ClassVar[tuple[float, ...]] = (0.5, 2.0, 5.0, 10.0, 30.0)

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Counts and weighted errors, (lead_time, threshold, statistic); the errors, which know no threshold, stand at each."""
        check_case(forecast, observed, valid)
        scored = valid & ~is_noise(observed.values)
        counts = Contingency(self.thresholds).sums(forecast, observed, scored)
        errors = Balanced().sums(forecast, observed, scored)
        return xr.concat([counts, errors.expand_dims(threshold=counts["threshold"])], "statistic").transpose(*counts.dims)

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`csi`, `hss`, `pod`, `far` (lead_time, threshold), `b_mse`, `b_mae` (lead_time,), and the mean of each over lead times."""
        counts = sums.sel(statistic=list(OUTCOMES))
        scores = xr.Dataset({formula.__name__: formula(counts) for formula in (csi, hss, pod, far)})
        scores = scores.merge(Balanced().value(sums.isel(threshold=0, drop=True)))
        return scores.merge(scores.mean("lead_time", skipna=False).rename({name: f"mean_{name}" for name in scores}))
