"""Digits made by hand, so that films can be tested without any."""

import numpy as np

__all__ = ["bar", "disc", "made_digits"]

_y, _x = np.mgrid[0:28, 0:28] - 13.5


def disc(radius: float = 7.0) -> np.ndarray:
    """(1, 28, 28) full ink with a sharp edge."""
    return np.where(np.hypot(_x, _y) < radius, 255, 0).astype(np.uint8)[np.newaxis]


def bar() -> np.ndarray:
    """(1, 28, 28) lying, 20 x 5 pixels."""
    return np.where((abs(_x) < 10) & (abs(_y) < 2.5), 255, 0).astype(np.uint8)[np.newaxis]


def made_digits(count: int = 20) -> np.ndarray:
    """(count, 28, 28) noise in rectangles of many sizes, each different from all others."""
    rng = np.random.default_rng(7)
    images = np.zeros((count, 28, 28), np.uint8)
    for image in images:
        top, left = rng.integers(2, 8, 2)
        bottom, right = rng.integers(16, 26, 2)
        image[top:bottom, left:right] = rng.integers(1, 256, (bottom - top, right - left))
    return images
