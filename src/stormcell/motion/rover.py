"""ROVER, the Hong Kong Observatory's real-time optical flow by variational methods for echoes of radar."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from stormcell.errors import MethodError
from stormcell.motion.flow import motion_tensor, solve_flow
from stormcell.motion.pairs import check_past, seen_pairs
from stormcell.motion.transforms import ArctanTransform, LinearTransform
from stormcell.warp import Sampler, pixel_grid

__all__ = ["TRANSFORMS", "ArctanTransform", "LinearTransform", "rover"]

Floats = NDArray[np.float32]

TRANSFORMS: dict[str, ArctanTransform | LinearTransform] = {"arctan": ArctanTransform(), "linear": LinearTransform()}

_WEIGHTS = {1: (1.0,), 2: (0.5, 0.5), 3: (0.7, 0.2, 0.1)}  # of the flows between the last frames, latest first
_WHITE = np.float32(255)  # images are 0..255, as alpha expects them
_LEAST_SEEN = np.float32(1e-3)
_REACH = 5  # pixels of the five-point derivative


def rover(
    past: ArrayLike,
    *,
    variant: Literal[1, 2, 3] = 3,
    transform: Literal["arctan", "linear"] = "arctan",
    sigma: float = 4.5,
    rho: float = 1.5,
    alpha: float = 2000.0,
    levels: int = 6,
    start_level: int = 0,
    n1: int = 2,
    n2: int = 2,
    warps: int = 0,
) -> Floats:
    """Motion of rain by variational optical flow on transformed reflectivity. The defaults are those of the HKO-7 benchmark.

    Frames become images t(Z) 0..255 (see `stormcell.motion.transforms`), smoothed by a Gaussian of `sigma` pixels. The flow between
    two of them makes the combined local-global energy smallest (see `stormcell.motion.flow` for equations and solver). The motion is

        variant 1: the flow between the last two frames
        variant 2: the mean of the last two flows
        variant 3: the mean of the last three flows, weighted 0.7, 0.2, 0.1, latest first

    with the weights shared out anew if there are fewer frames. A flow across a missing scan is divided by its steps.

    What the radar did not see has no data term, and the smoothing by `sigma` takes the mean of what was seen (a normalised
    convolution), so the edge of the seen area makes no gradient that could be tracked.

    The data term is linear in the motion, so it is exact for motion below the blur, about `sigma` pixels per step. Beyond it is
    some 10 % too fast at 6 to 10 pixels per step; one warp leaves 1 %. A flow as long as a side of the image is taken for none: no
    echo would be in both frames.

    Args:
        past: rain rate [mm h-1] (time, y, x), two frames or more; NaN = not seen.
        variant: which flows are averaged.
        transform: "arctan" for ROVER's non-linear transform, "linear" for plain reflectivity.
        sigma: standard deviation of the smoothing of the images [pixels].
        rho: standard deviation of the smoothing of the data term [pixels].
        alpha: weight of smoothness, for images 0..255.
        levels: how often the grid is halved at most.
        start_level: the finest level that is solved; 1 is half the resolution, at a quarter of the time.
        n1: sweeps before a V-cycle goes down.
        n2: sweeps after it came up.
        warps: how often the later image is moved back by the flow found so far, and the rest is estimated again.

    Returns:
        (2, y, x) pixels per time step, component 0 along x (positive to the east), 1 along y (positive to the south); zero where
        there is nothing to see.

    Raises:
        FramesError: past is not (time, y, x).
        MethodError: there are less than two frames, or a variant or transform that is not known.

    Source:
        Woo & Wong (2017), doi:10.3390/atmos8030048; the three variants: Shi et al. (2015), arXiv:1506.04214; settings: Shi et al.
        (2017), arXiv:1706.03458, and its code. Departures: derivatives of the mean of both images, damped Jacobi in place of
        Gauss-Seidel, a direct solver on the coarsest grid, images not rounded to 8 bits, NaN, warps.
    """
    frames = check_past(past)
    if variant not in _WEIGHTS or transform not in TRANSFORMS:
        raise MethodError(f"rover: expected variant 1, 2 or 3 and transform {' or '.join(TRANSFORMS)}, got {variant!r} and {transform!r}")
    motion = np.zeros((2, *frames.shape[1:]), dtype=np.float32)
    latest_first = list(zip(seen_pairs(frames)[::-1], _WEIGHTS[variant], strict=False))
    total = sum(weight for _, weight in latest_first)
    scale = TRANSFORMS[transform]
    needed = sorted({index for pair, _ in latest_first for index in pair})
    images = {index: _smoothed(scale.forward(frames[index]) * _WHITE, sigma) for index in needed}
    for pair, weight in latest_first:
        first, second = images[pair[0]], images[pair[1]]
        flow = np.zeros_like(motion)
        for turn in range(warps + 1):
            moved = _moved_back(second, flow) if turn else second
            seen = _well_inside(~(np.isnan(first) | np.isnan(moved)))
            tensor = motion_tensor(np.nan_to_num(first), np.nan_to_num(moved), seen, rho=rho, around=flow if turn else None)
            flow = _within_the_image(solve_flow(tensor, alpha=alpha, levels=levels, start_level=start_level, n1=n1, n2=n2))
        motion += flow * np.float32(weight / total / (pair[1] - pair[0]))
    return motion


def _smoothed(image: Floats, sigma: float) -> Floats:
    """Gaussian mean of what was seen; NaN stays NaN."""
    if sigma <= 0:
        return image
    unseen = np.isnan(image)
    total = cv2.GaussianBlur(np.where(unseen, np.float32(0), image), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    weight = cv2.GaussianBlur((~unseen).astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.where(unseen, np.float32(np.nan), total / np.maximum(weight, _LEAST_SEEN))


def _moved_back(image: Floats, flow: Floats) -> Floats:
    """The later image where the earlier one's pixels went: image[p + flow[p]]."""
    rows, columns = image.shape
    column, row = pixel_grid((rows, columns))
    return Sampler(image).at(column + flow[0], row + flow[1])


def _within_the_image(flow: Floats) -> Floats:
    """Zero where the motion is as long as the image, as it may be on a few pixels that are all alike: no echo would be in both frames."""
    rows, columns = flow.shape[1:]
    flow[:, (np.abs(flow[0]) >= columns) | (np.abs(flow[1]) >= rows)] = 0
    return flow


def _well_inside(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the derivatives reach nothing that was not seen."""
    return np.asarray(cv2.erode(seen.astype(np.uint8), np.ones((_REACH, _REACH), np.uint8)) > 0)
