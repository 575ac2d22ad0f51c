"""Fractions skill score: do forecast and radar have the same cover of rain around each point?"""

from dataclasses import dataclass

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError
from stormcell.verification.fields import Field, Mask, Sums, check_thresholds, sums_of_fields

__all__ = ["FSS"]

_STATISTICS = ("squared_difference", "squared_fractions")


@dataclass(frozen=True)
class FSS:
    """Fractions skill score over thresholds and window sizes; satisfies `Score`.

        FSS = 1 - sum (Pf - Po)^2 / (sum Pf^2 + sum Po^2)

    Pf and Po are the shares of the valid pixels of a square window that reach the threshold (>=); the sums run over all valid pixels,
    each as the centre of a window. 0 to 1, 1 is perfect, NaN where neither field has an event. It rises with the window, so it is read
    against 0.5 + (share of rain) / 2, from which on a forecast is called useful.

    Masks and borders: a pixel that is not valid is neither rain nor dry, it is not there. Near it, and near the border of the grid,
    windows hold fewer pixels, and fractions are of those.

    Args:
        thresholds: rain rates that make an event [mm h-1], rising.
        windows: sides of the windows [pixels], odd, rising; 1 compares pixel with pixel.

    Raises:
        FramesError: the thresholds are not above 0 and rising, or a window is even.

    Source:
        Roberts & Lean (2008), doi:10.1175/2007MWR2123.1. Departure: they count what lies beyond the border as dry; without any mask
        the two agree wherever there is no rain within a window of the border.
    """

    thresholds: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0)
    windows: tuple[int, ...] = (1, 3, 9, 17, 33, 65)

    def __post_init__(self) -> None:
        check_thresholds(self.thresholds)
        if not self.windows or any(window < 1 or window % 2 == 0 for window in self.windows) or np.any(np.diff(self.windows) <= 0):
            raise FramesError(f"fss: expected rising, odd windows of 1 pixel or more, got {self.windows}")

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Sums over windows, (lead_time, threshold, window, statistic); a method with members is judged by their mean."""
        dims = {"threshold": self.thresholds, "window": self.windows}
        return sums_of_fields(self._fractions, forecast, observed, valid, statistic=_STATISTICS, **dims)

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`fss`, (lead_time, threshold, window)."""
        difference, fractions = (sums.sel(statistic=name, drop=True) for name in _STATISTICS)
        return xr.Dataset({"fss": (1 - difference / fractions.where(fractions > 0)).clip(0, 1)})

    def _fractions(self, said: Field, seen: Field, known: Mask) -> Sums:
        sums = np.empty((len(self.thresholds), len(self.windows), len(_STATISTICS)))
        share, forecast, observed = (np.empty(known.shape, np.float32) for _ in range(3))
        events = [[(field >= threshold).view(np.uint8) for field in (said, seen)] for threshold in np.asarray(self.thresholds, np.float32)]
        for column, window in enumerate(self.windows):
            # One over the valid pixels of each window, and 0 where the centre itself is not valid: it then adds nothing.
            np.divide(known, np.maximum(_count(known.view(np.uint8), window, share), 1, out=share), out=share)
            for row, (yes, rain) in enumerate(events):
                cv2.multiply(_count(yes, window, forecast), share, dst=forecast)
                cv2.multiply(_count(rain, window, observed), share, dst=observed)
                squares = cv2.norm(forecast, cv2.NORM_L2SQR) + cv2.norm(observed, cv2.NORM_L2SQR)
                sums[row, column] = cv2.norm(forecast, observed, cv2.NORM_L2SQR), squares
        return sums


def _count(event: NDArray[np.uint8], window: int, out: Field) -> Field:
    """How many ones each window holds; beyond the border there are none. Whole numbers, exact in float32 up to windows of 4096."""
    cv2.boxFilter(event, cv2.CV_32F, (window, window), dst=out, normalize=False, borderType=cv2.BORDER_CONSTANT)
    return out
