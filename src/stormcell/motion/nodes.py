"""A coarse grid of nodes over an image, for fields that are smooth: few numbers to work on, bilinear in between."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["node_places", "upsample"]

Floats = NDArray[np.float32]


def node_places(size: int, spacing: int) -> Floats:
    """Where the nodes lie along an axis of `size` pixels: at spacing k - 1/2 for k = 1, 2, ..., all of them inside.

    With a spacing of 1 they are the pixels themselves.

    Args:
        size: pixels along the axis.
        spacing: 1, or an even number of pixels with at least three nodes in `size` (4 spacings are enough).
    """
    if spacing == 1:
        return np.arange(size, dtype=np.float32)
    return np.arange(1, (2 * size - 1) // (2 * spacing) + 1, dtype=np.float32) * spacing - np.float32(0.5)


def upsample(nodes: Floats, spacing: int, shape: tuple[int, int]) -> Floats:
    """Values at the nodes to values at every pixel: bilinear, so exact for linear fields.

    Between the outermost nodes and the rim of the image it is bilinear towards one more node, extrapolated by a parabola.

    Args:
        nodes: (node rows, node columns), on `node_places` of both axes.
        spacing: pixels from node to node.
        shape: (rows, columns) of the image.
    """
    if spacing == 1:
        return nodes
    fine = cv2.resize(_with_rim(_with_rim(nodes).T).T.copy(), None, fx=spacing, fy=spacing, interpolation=cv2.INTER_LINEAR)
    start = spacing // 2  # a resized image begins half a spacing before its first node's cell, that is, at pixel -spacing / 2
    return np.asarray(fine[start : start + shape[0], start : start + shape[1]])


def _with_rim(nodes: Floats) -> Floats:
    """One more row before the first and after the last, on the parabola through the three nearest."""
    before = 3 * nodes[:1] - 3 * nodes[1:2] + nodes[2:3]
    after = 3 * nodes[-1:] - 3 * nodes[-2:-1] + nodes[-3:-2]
    return np.concatenate([before, nodes, after])
