"""Carrying rain along the motion: the path of each pixel is followed back first, then the last image is looked up once."""

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from stormcell.errors import MethodError
from stormcell.motion.nodes import node_places, upsample
from stormcell.warp import Sampler, check_vectors

__all__ = ["advect", "advected"]

Floats = NDArray[np.float32]

_SPACINGS = (16, 8, 4)  # pixels between the nodes on which paths are followed; the first that is exact enough is taken
_TOLERANCE = 0.01  # pixels per time step by which the motion between nodes may be off


def advect(field: ArrayLike, motion: ArrayLike, steps: Sequence[float] | NDArray[np.floating]) -> Floats:
    """Carry an image along a steady motion: semi-Lagrangian advection.

    The rain at place p after t steps is the rain now at X(t), where dX/dt = -motion(X), X(0) = p. The path is followed backward
    by the midpoint rule in pieces of at most one time step,

        X <- X - h motion(X - h/2 motion(X)),

    each lead time going on from the one before, and the image is interpolated once a lead time (see `stormcell.warp.Sampler`), so
    fine rain is not blurred again and again. The motion goes on unchanged beyond the edge.

    Paths are followed on nodes up to 16 pixels apart if the motion between them is bilinear to 0.01 pixels per step everywhere, on
    every pixel otherwise, so a smooth motion is fast and a rough one is as exact.

    Args:
        field: rain rate or any other image (y, x); NaN = not seen.
        motion: (2, y, x) pixels per time step; component 0 along x (positive east), 1 along y (positive south).
        steps: lead times in time steps, above zero and rising; fractions are welcome.

    Returns:
        (lead time, y, x) float32; NaN where the rain would come from outside the image or from what was not seen.

    Raises:
        FramesError: motion does not fit the field or is not finite.
        MethodError: steps are empty, not rising or not above zero.

    Source:
        Germann & Zawadzki (2002), doi:10.1175/1520-0493(2002)130<2859:SDOTPO>2.0.CO;2. Departure: the midpoint rule in place of
        their iterated one; both are of second order.
    """
    frames = advected(field, motion, steps)
    rows, columns = np.shape(field)
    result = np.empty((len(steps), rows, columns), dtype=np.float32)
    for lead, frame in enumerate(frames):
        result[lead] = frame
    return result


def advected(field: ArrayLike, motion: ArrayLike, steps: Sequence[float] | NDArray[np.floating]) -> Iterator[Floats]:
    """Like `advect`, but gives one lead time (y, x) at a time, so a long forecast on a large grid need not fit in memory."""
    sampler = Sampler(field)
    flow = check_vectors(motion, sampler.shape, "motion")
    leads = [float(step) for step in steps]
    if not leads or not all(later > earlier and math.isfinite(later) for earlier, later in zip([0.0, *leads], leads, strict=False)):
        raise MethodError(f"advect: expected rising lead times above zero, in time steps, got {leads}")
    return _advected(sampler, flow, leads)


def _advected(sampler: Sampler, motion: Floats, leads: list[float]) -> Iterator[Floats]:
    spacing = _spacing_for(motion)
    column, row = np.meshgrid(*(node_places(size, spacing) for size in reversed(sampler.shape)))
    reached = 0.0
    for lead in leads:
        pieces = math.ceil(lead - reached)
        for _ in range(pieces):
            column, row = _one_step_back(motion, column, row, (lead - reached) / pieces)
        reached = lead
        yield sampler.at(upsample(column, spacing, sampler.shape), upsample(row, spacing, sampler.shape))


def _one_step_back(motion: Floats, column: Floats, row: Floats, length: float) -> tuple[Floats, Floats]:
    half = np.float32(length / 2)
    east, south = _motion_at(motion, column, row)
    east, south = _motion_at(motion, column - half * east, row - half * south)
    rows, columns = motion.shape[1:]
    whole = np.float32(length)
    # a place this far outside is as good as any: keeps absurd motion within what remap can address
    return np.clip(column - whole * east, -columns, 2 * columns), np.clip(row - whole * south, -rows, 2 * rows)


def _motion_at(motion: Floats, column: Floats, row: Floats) -> tuple[Floats, Floats]:
    east, south = (cv2.remap(part, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for part in motion)
    return np.asarray(east), np.asarray(south)


def _spacing_for(motion: Floats) -> int:
    """The widest spacing of nodes between which the motion is bilinear to within the tolerance."""
    shape = (motion.shape[1], motion.shape[2])
    for spacing in _SPACINGS:
        if min(shape) < 4 * spacing:
            continue
        column, row = np.meshgrid(*(node_places(size, spacing) for size in reversed(shape)))
        if all(
            _off(part, upsample(nodes, spacing, shape)) <= _TOLERANCE
            for part, nodes in zip(motion, _motion_at(motion, column, row), strict=True)
        ):
            return spacing
    return 1


def _off(part: Floats, rebuilt: Floats) -> float:
    return float(cv2.norm(part, rebuilt, cv2.NORM_INF))
