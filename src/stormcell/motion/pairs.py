"""Which frames of the past can be compared with each other to see motion."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stormcell.errors import FramesError, MethodError

__all__ = ["check_past", "seen_frames", "seen_pairs"]


def check_past(past: ArrayLike) -> NDArray[np.float32]:
    """Past frames as float32, held to (time, y, x) with two frames or more.

    Raises:
        FramesError: the shape is not (time, y, x), or the grid is empty.
        MethodError: there are less than two frames.
    """
    frames = np.asarray(past, dtype=np.float32)
    if frames.ndim != 3 or 0 in frames.shape[1:]:
        raise FramesError(f"past: expected rain rate (time, y, x) on a grid of one pixel or more, got shape {frames.shape}")
    if len(frames) < 2:
        raise MethodError(f"motion needs two frames or more to see anything move, got {len(frames)}; give more past frames")
    return frames


def seen_frames(past: NDArray[np.float32]) -> list[int]:
    """The frames in which the radar saw something: all but the missing scans."""
    return [index for index, frame in enumerate(past) if not np.isnan(frame).all()]


def seen_pairs(past: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Neighbouring seen frames as pairs of indices, oldest first; missing scans are stepped over."""
    seen = seen_frames(past)
    return list(zip(seen, seen[1:], strict=False))
