"""Motion of rain from tracked corners: few good vectors, smoothed into a field."""

import math
from typing import NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from stormcell.motion.nodes import node_places, upsample
from stormcell.motion.pairs import check_past, seen_frames

__all__ = ["lucas_kanade"]

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_LOW, _HIGH = 0.1, 100.0  # rain rates [mm h-1] that become 0 and 255 in the images that are tracked
_SMALLEST_WINDOW = 5  # pixels
_PYRAMID_LEVELS = 3  # above the full resolution: a displacement of some eight half windows is within reach
_PRECISION = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.01)  # iterations, pixels
_FRAMES_AHEAD = 4  # to which a corner is tracked: later rain has changed too much
_QUALITY = 0.01  # of the best corner of a frame, below which a corner is none
_KD_TREE: dict[str, bool | int | float | str] = {"algorithm": 4}  # the exact one of FLANN
_NEIGHBOURS = 48  # vectors that a vector has to agree with; a corner in four frames gives up to six
_OUTLIER = 3.0  # times the median deviation of the neighbours from their median
_SLACK = 0.25  # pixels per step by which a vector may deviate in any case
_WIDEST = 256.0  # pixels; farther away than this a vector acts through the mean motion only
_PRIOR = 16.0  # vectors (one step long) that outweigh the motion of the next wider scale
_SPACINGS = (8, 4, 1)  # pixels between the nodes on which motion is smoothed; the first that suits the scale and the grid


class _Vectors(NamedTuple):
    """Sparse motion: n places (x, y), n vectors [pixels per step], n weights."""

    places: Floats
    vectors: Floats
    weights: Floats

    def only(self: Self, chosen: NDArray[np.bool_]) -> "_Vectors":
        return _Vectors(self.places[chosen], self.vectors[chosen], self.weights[chosen])


def lucas_kanade(past: ArrayLike, *, corners: int = 1000, window: int = 51, blur: float = 1.5, scale: float = 12.0) -> Floats:
    """Motion of rain by the method of Lucas and Kanade, from corners that are tracked over one to four frames.

    1. Frames become 8-bit images of log rain rate (0.1 to 100 mm/h), blurred by a Gaussian: single pixels grow and decay, and do
       not move with the rain.
    2. In every frame but the last the corners of Shi and Tomasi are found, away from the edge of what the radar sees, and tracked
       to each of the next four by pyramidal Lucas-Kanade. A vector over n steps is n times more exact than one over a single step, so
       its weight is n^2.
    3. A vector that deviates from the median of its neighbours by more than three times their own median deviation is dropped.
    4. From wide to narrow scales s = 256, 128, ..., `scale` pixels, with G_s a Gaussian of peak 1 and u_0 the mean motion,

           u_s(p) = (sum_i w_i G_s(p - p_i) v_i + 16 u_2s(p)) / (sum_i w_i G_s(p - p_i) + 16):

       where there are many vectors the field follows them closely, far from any it tends to the mean.

    Args:
        past: rain rate [mm h-1] (time, y, x), two frames or more; NaN = not seen. Frames that are wholly NaN are stepped over.
        corners: at most so many a frame.
        window: side of the square in which a corner is tracked [pixels]. At most a quarter of the grid's shorter side: on a smaller
            grid window, blur and scale are all made smaller by the same share.
        blur: standard deviation of the Gaussian on the images [pixels].
        scale: the narrowest scale of the motion [pixels].

    Returns:
        (2, y, x) pixels per time step, component 0 along x (positive to the east), 1 along y (positive to the south); zero where
        nothing can be tracked: less than two seen frames, no rain, no texture, a grid of less than 16 pixels a side.

    Raises:
        FramesError: past is not (time, y, x).
        MethodError: there are less than two frames.

    Source:
        Shi & Tomasi (1994), doi:10.1109/CVPR.1994.323794; Bouguet (2001), "Pyramidal implementation of the Lucas Kanade feature
        tracker". Departures: tracks over several steps with their weight, and the smoothing in step 4.
    """
    frames = check_past(past)
    rows, columns = frames.shape[1:]
    still = np.zeros((2, rows, columns), dtype=np.float32)
    side = min(window, min(rows, columns) // 4) // 2 * 2 + 1
    share = min(side / window, 1.0)
    seen = seen_frames(frames)
    if side < _SMALLEST_WINDOW or len(seen) < 2:
        return still
    found = _agreeing(_tracked(frames, seen, corners, side, blur * share))
    return _smooth_field(found, (rows, columns), scale * share) if len(found.places) else still


def _tracked(frames: Floats, seen: list[int], corners: int, side: int, blur: float) -> _Vectors:
    """Vectors between each seen frame and the next few."""
    images = [_image(frames[index], blur) for index in seen]
    margin = side // 2 + math.ceil(2 * blur)
    near_edge = [_widened(np.isnan(frames[index]), margin) for index in seen]
    parts = [_Vectors(*(np.zeros(shape, np.float32) for shape in ((0, 2), (0, 2), (0,))))]
    for first in range(len(seen) - 1):
        start = cv2.goodFeaturesToTrack(images[first], corners, _QUALITY, side / 3, mask=1 - near_edge[first], blockSize=_SMALLEST_WINDOW)
        if start is None:
            continue
        for second in range(first + 1, min(first + _FRAMES_AHEAD, len(seen) - 1) + 1):
            end, status, _ = cv2.calcOpticalFlowPyrLK(
                images[first],
                images[second],
                start,
                np.empty_like(start),
                winSize=(side, side),
                maxLevel=_PYRAMID_LEVELS,
                criteria=_PRECISION,
            )
            steps = np.float32(seen[second] - seen[first])
            places, ends = (points.reshape(-1, 2).astype(np.float32) for points in (start, end))
            kept = (status.ravel() == 1) & _inside(ends, near_edge[second])
            parts.append(_Vectors(places, (ends - places) / steps, np.full(len(places), steps * steps)).only(kept))
    return _Vectors(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _image(frame: Floats, blur: float) -> Bytes:
    """Log rain rate as 0..255; dry and not seen are 0."""
    wet = np.clip(np.nan_to_num(frame, nan=0.0), _LOW, _HIGH)
    level = np.log(wet * np.float32(1 / _LOW)) * np.float32(255 / math.log(_HIGH / _LOW))
    smooth = np.asarray(cv2.GaussianBlur(level, (0, 0), blur)) if blur > 0 else level
    return np.asarray(np.rint(smooth), dtype=np.uint8)


def _widened(area: NDArray[np.bool_], margin: int) -> Bytes:
    """1 in the area and up to `margin` pixels around it, 0 elsewhere."""
    return np.asarray(cv2.dilate(area.astype(np.uint8), np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)), dtype=np.uint8)


def _inside(places: Floats, near_edge: Bytes) -> NDArray[np.bool_]:
    """Are these places in the image, and away from the edge of what was seen?"""
    rows, columns = near_edge.shape
    column, row = np.rint(places).astype(np.int64).T
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    allowed: NDArray[np.bool_] = inside & (near_edge[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)] == 0)
    return allowed


def _agreeing(found: _Vectors) -> _Vectors:
    """Without the vectors that deviate from their neighbours."""
    count = min(_NEIGHBOURS, len(found.places))
    if count == 0:
        return found
    near, _ = cv2.flann.Index(found.places, _KD_TREE).knnSearch(found.places, count, params={"checks": -1})
    around = found.vectors[near]
    middle = np.median(around, axis=1)
    spread = np.median(np.linalg.norm(around - middle[:, None], axis=2), axis=1)
    return found.only(np.linalg.norm(found.vectors - middle, axis=1) <= _OUTLIER * spread + _SLACK)


def _smooth_field(found: _Vectors, shape: tuple[int, int], scale: float) -> Floats:
    """Step 4 above, with the vectors moved to the nearest node of a coarse grid."""
    spacing = next(pixels for pixels in _SPACINGS if pixels == 1 or (min(shape) >= 4 * pixels and scale >= pixels))
    rows, columns = (node_places(size, spacing) for size in shape)
    row = np.clip(np.rint((found.places[:, 1] - rows[0]) / spacing), 0, rows.size - 1).astype(np.int64)
    column = np.clip(np.rint((found.places[:, 0] - columns[0]) / spacing), 0, columns.size - 1).astype(np.int64)
    node = row * columns.size + column

    def summed(values: Floats) -> Floats:
        return np.bincount(node, values, rows.size * columns.size).reshape(rows.size, columns.size).astype(np.float32)

    weight = summed(found.weights)
    totals = [summed(found.weights * part) for part in found.vectors.T]
    motion = [np.full(weight.shape, np.average(part, weights=found.weights), np.float32) for part in found.vectors.T]
    for level in range(max(0, math.floor(math.log2(_WIDEST / scale))), -1, -1):
        width = scale * 2**level / spacing
        around = _gaussian_sum(weight, width) + np.float32(_PRIOR)
        motion = [(_gaussian_sum(total, width) + np.float32(_PRIOR) * part) / around for total, part in zip(totals, motion, strict=True)]
    return np.stack([upsample(part, spacing, shape) for part in motion])


def _gaussian_sum(values: Floats, width: float) -> Floats:
    """Sum over all nodes, weighted by a Gaussian with peak 1 [nodes]."""
    mean = cv2.GaussianBlur(values, (0, 0), width, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(mean * np.float32(2 * math.pi * width * width))
