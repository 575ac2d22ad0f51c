"""Where the rain at each pixel was before: paths followed back along the motion."""

import math
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stormcell.motion.nodes import node_places, upsample

__all__ = ["Trajectories"]

Floats = NDArray[np.float32]
Change = Callable[[float], tuple[float, float]]

_SPACING = 4  # pixels between the nodes on which paths are followed, where that is exact enough
_TOLERANCE = 0.1  # pixels per time step by which the motion between nodes may be off at the worst place


class Trajectories:
    """Paths along a steady motion, from every pixel backward.

    The place X(t) at which the rain of pixel p was t steps before follows from dX/dt = -motion(X), X(0) = p, by the midpoint rule in pieces
    of at most one time step,

        X <- X - h motion(X - h/2 motion(X)),

    each lead time going on from the one before. The motion goes on unchanged beyond the edge. Paths are followed on nodes 4 pixels
    apart if the motion between them is bilinear to 0.1 pixels per step at the worst place, on every pixel otherwise.

    The work on the motion is done once, so one object serves many members.

    Args:
        motion: (2, y, x) pixels per time step, float32 and finite; component 0 along x (positive east), 1 along y (positive south).
    """

    def __init__(self, motion: Floats) -> None:
        self._motion = motion
        self._shape = (motion.shape[1], motion.shape[2])
        self._spacing = _spacing_for(motion)

    def followed(self, leads: Sequence[float], *, change: Change | None = None) -> Iterator[tuple[Floats, Floats]]:
        """Column and row number of the places, one pair (y, x) for each lead time in turn.

        Args:
            leads: lead times in steps, above zero and rising.
            change: from a lead time to what is added to the motion up to there, along it and across (turned from x towards y), in
                pixels per step. Nothing is added where nothing moves.
        """
        column, row = np.meshgrid(*(node_places(size, self._spacing) for size in reversed(self._shape)))
        reached = 0.0
        for lead in leads:
            pieces = math.ceil(lead - reached)
            length = (lead - reached) / pieces
            for piece in range(1, pieces + 1):
                added = None if change is None else change(reached + piece * length)
                column, row = self._one_step_back(column, row, length, added)
            reached = lead
            yield upsample(column, self._spacing, self._shape), upsample(row, self._spacing, self._shape)

    def _one_step_back(self, column: Floats, row: Floats, length: float, added: tuple[float, float] | None) -> tuple[Floats, Floats]:
        half = np.float32(length / 2)
        east, south = _changed(_motion_at(self._motion, column, row), added)
        east, south = _changed(_motion_at(self._motion, column - half * east, row - half * south), added)
        rows, columns = self._shape
        whole = np.float32(length)
        # a place this far outside is as good as any: keeps absurd motion within what remap can address
        return np.clip(column - whole * east, -columns, 2 * columns), np.clip(row - whole * south, -rows, 2 * rows)


def _changed(motion: tuple[Floats, Floats], added: tuple[float, float] | None) -> tuple[Floats, Floats]:
    if added is None:
        return motion
    east, south = motion
    speed: Floats = np.maximum(np.hypot(east, south), np.float32(1e-6))
    along: Floats = np.float32(added[0]) / speed
    across: Floats = np.float32(added[1]) / speed
    return east + along * east - across * south, south + along * south + across * east


def _motion_at(motion: Floats, column: Floats, row: Floats) -> tuple[Floats, Floats]:
    east, south = (cv2.remap(part, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for part in motion)
    return np.asarray(east), np.asarray(south)


def _spacing_for(motion: Floats) -> int:
    """Pixels between the nodes: 4 where the motion is smooth enough for it, else 1."""
    shape = (motion.shape[1], motion.shape[2])
    if min(shape) < 4 * _SPACING:
        return 1
    column, row = np.meshgrid(*(node_places(size, _SPACING) for size in reversed(shape)))
    rebuilt = (upsample(nodes, _SPACING, shape) for nodes in _motion_at(motion, column, row))
    off = max(cv2.norm(part, between, cv2.NORM_INF) for part, between in zip(motion, rebuilt, strict=True))
    return _SPACING if off <= _TOLERANCE else 1
