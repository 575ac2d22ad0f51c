"""Straight flight between two walls, and what happens at them: a mirror, or a stop."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["clamped_path", "mirrored_path"]

Floats = NDArray[np.float64]


def mirrored_path(start: Floats, velocity: Floats, steps: int, *, low: float, high: float) -> Floats:
    """Straight flight between two walls that act as mirrors: what would be d beyond a wall is d before it, and flies back.

    Args:
        start: places from low to high, any shape.
        velocity: per step, same shape, of any size.
        steps: how many places to tell of; the first is `start`.
        low: place of the one wall.
        high: place of the other.

    Returns:
        (steps, ...) places.

    Example:
        >>> mirrored_path(np.array(5.0), np.array(4.0), 5, low=0.0, high=10.0)
        array([5., 9., 7., 3., 1.])
    """
    width = high - low
    flown = (start - low + velocity * np.arange(steps, dtype=np.float64).reshape(-1, *[1] * start.ndim)) % (2.0 * width)
    return low + width - np.abs(flown - width)


def clamped_path(start: Floats, velocity: Floats, steps: int, *, low: float, high: float) -> Floats:
    """Straight flight between two walls at which one stops for the moment, and turns around: what would be beyond a wall is on it.

    Args:
        start: places, any shape; they may lie beyond a wall.
        velocity: per step, same shape.
        steps: how many places to tell of; the first is `start`.
        low: place of the one wall.
        high: place of the other.

    Returns:
        (steps, ...) places.

    Example:
        >>> clamped_path(np.array(5.0), np.array(4.0), 5, low=0.0, high=10.0)
        array([ 5.,  9., 10.,  6.,  2.])
    """
    path = np.empty((steps, *start.shape))
    path[0] = start
    for step in range(1, steps):
        flown = path[step - 1] + velocity
        path[step] = flown.clip(low, high)
        velocity = np.where(flown == path[step], velocity, -velocity)
    return path
