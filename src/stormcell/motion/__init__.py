"""Where the rain moves: estimators of motion, and advection along it.

An estimator takes past rain rates (time, y, x) [mm h-1] and gives motion (2, y, x) [pixels per time step], component 0 along x
(positive to the east), component 1 along y (positive to the south, with the row number).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stormcell.motion.advect import advect, advected
from stormcell.motion.lucas_kanade import lucas_kanade
from stormcell.motion.rover import rover
from stormcell.motion.trajectory import Trajectories
from stormcell.motion.transforms import ArctanTransform, LinearTransform

__all__ = ["ESTIMATORS", "ArctanTransform", "LinearTransform", "Trajectories", "advect", "advected", "lucas_kanade", "rover"]

ESTIMATORS: dict[str, Callable[..., NDArray[np.float32]]] = {"lucas_kanade": lucas_kanade, "rover": rover}
