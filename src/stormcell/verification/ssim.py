"""Structural similarity: how alike two images look, window by window."""

from dataclasses import dataclass

import cv2
import numpy as np
import xarray as xr

from stormcell.errors import FramesError
from stormcell.verification.fields import Field, Mask, sums_of_fields
from stormcell.verification.grey import grey_from_rain_rate

__all__ = ["SSIM", "ssim_map"]

_C1, _C2 = 0.01**2, 0.03**2  # of the paper, for a data range of 1


def ssim_map(forecast: Field, observed: Field, valid: Mask, *, sigma: float = 1.5) -> Field:
    """Structural similarity of two images around each pixel.

    SSIM = (2 mf mo + C1)(2 cov + C2) / ((mf^2 + mo^2 + C1)(vf + vo + C2)), C1 = 0.01^2, C2 = 0.03^2, with means, variances and
    covariance under a Gaussian window that only weighs valid pixels within the image.

    Args:
        forecast: image with values of 0 to 1, (y, x); 0 where not valid.
        observed: the same.
        valid: bool, (y, x).
        sigma: standard deviation of the window [pixels]; it is cut off at 3.5 sigma.

    Returns:
        (y, x), -1 to 1; without meaning where not valid.

    Source:
        Wang et al. (2004), doi:10.1109/TIP.2003.819861.
    """
    side = 2 * int(3.5 * sigma + 0.5) + 1

    def smooth(image: Field) -> Field:
        return np.asarray(cv2.GaussianBlur(image, (side, side), sigma, borderType=cv2.BORDER_CONSTANT), np.float32)

    # Nothing lies beyond the border (constant 0), so dividing by the weight of what does lie in the window makes a mean of it.
    weight = np.maximum(smooth(valid.astype(np.float32)), np.float32(1e-6))
    f, o, ff, oo, fo = (smooth(image) / weight for image in (forecast, observed, forecast**2, observed**2, forecast * observed))
    mean_f, mean_o, mean_fo = f * f, o * o, f * o
    alike = (2 * mean_fo + _C1) * (2 * (fo - mean_fo) + _C2)
    return np.asarray(alike / ((mean_f + mean_o + _C1) * ((ff - mean_f) + (oo - mean_o) + _C2)), np.float32)


@dataclass(frozen=True)
class SSIM:
    """Mean structural similarity over all valid pixels; satisfies `Score`.

    Rain rates become grey values 0 to 1 first (`grey_from_rain_rate`: linear in dBZ from -10 to 60), the data range is 1. -1 to 1, 1
    is perfect. Two fields that are dry throughout are not counted, else they would score a perfect 1: NaN if there is nothing else. Dry
    surroundings do count as alike, so values of fields with different cover of rain do not compare; nor do other transforms or windows.

    Args:
        sigma: standard deviation of the Gaussian window [pixels]; 1.5 gives the 11 x 11 pixels of the paper.

    Raises:
        FramesError: sigma is not above 0.

    Source:
        Wang et al. (2004), doi:10.1109/TIP.2003.819861.
    """

    sigma: float = 1.5

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise FramesError(f"ssim: expected a window wider than 0 pixels, got sigma {self.sigma}")

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Similarity summed over pixels, and their number, (lead_time, statistic); a method with members is judged by their mean."""
        return sums_of_fields(self._similarity, forecast, observed, valid, statistic=("similarity", "pixels"))

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`ssim`, (lead_time,)."""
        similarity, pixels = (sums.sel(statistic=name, drop=True) for name in ("similarity", "pixels"))
        return xr.Dataset({"ssim": similarity / pixels.where(pixels > 0)})

    def _similarity(self, said: Field, seen: Field, known: Mask) -> tuple[float, float]:
        images = grey_from_rain_rate(said), grey_from_rain_rate(seen)
        if not any(image.any() for image in images):
            return 0.0, 0.0
        similarity = ssim_map(*images, known, sigma=self.sigma)
        return float(similarity.sum(where=known, dtype=np.float64)), float(np.count_nonzero(known))
