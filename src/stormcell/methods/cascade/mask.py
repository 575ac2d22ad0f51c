"""Where rain may be: near the rain of the step before."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["MASKS", "Mask", "rim_around"]

Floats = NDArray[np.float32]

Mask = Literal["incremental", "obs", "sprog"]
MASKS = ("incremental", "obs", "sprog")


def rim_around(wet: NDArray[np.bool_], *, buffer: float, rim: float) -> Floats:
    """1 within `buffer` pixels of the rain, falling to 0 over the next `rim` pixels.

        m = clip((buffer + rim - d) / rim, 0, 1),   d = distance to the nearest wet pixel

    Noise times m rains near the rain that is there, and grows outward step by step: no showers out of a clear sky.

    Source:
        Pulkkinen et al. (2019), doi:10.5194/gmd-12-4185-2019, the "incremental mask". Departure: round distance (exact to some
        2 %) instead of repeated dilation by a cross.
    """
    distance = cv2.distanceTransform(np.logical_not(wet).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    ramp: Floats = np.multiply(distance, np.float32(-1 / rim), out=distance)
    ramp += np.float32((buffer + rim) / rim)
    return np.clip(ramp, 0, 1, out=ramp)
