"""From where the rain is at the last scan to where it will be: paths and look-ups in batches, on the network's device."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["at_places", "paths_back"]


@torch.no_grad()
def paths_back(motion: Tensor, steps: int) -> Tensor:
    """Where the rain that comes to each pixel was at the last scan.

    The paths of `stormcell.motion.Trajectories`, dX/dt = -motion(X) by the midpoint rule a step at a time, on every pixel.

    Args:
        motion: (batch, 2, y, x) [pixels per step].
        steps: lead times 1, 2, ...

    Returns:
        (batch, step, 2, y, x): columns and rows.
    """
    rows, columns = motion.shape[-2:]
    motion = motion.float()
    column = torch.arange(columns, device=motion.device, dtype=torch.float32)
    row = torch.arange(rows, device=motion.device, dtype=torch.float32)[:, None]
    place = torch.stack((column.expand(rows, columns), row.expand(rows, columns))).expand_as(motion)
    paths = []
    for _ in range(steps):
        half = place - 0.5 * _looked_up(motion, place, "border")
        place = place - _looked_up(motion, half, "border")
        paths.append(place)
    return torch.stack(paths, dim=1)


def at_places(fields: Tensor, places: Tensor, *, beyond: str = "border") -> Tensor:
    """Fields looked up at the places of their step, bilinear. Gradients flow to the fields.

    Args:
        fields: (batch, step, channel, y, x).
        places: (batch, step, 2, y, x), see `paths_back`.
        beyond: what is outside: "border" for the nearest pixel, "zeros".

    Returns:
        (batch, step, channel, y, x).
    """
    return _looked_up(fields.flatten(0, 1), places.flatten(0, 1), beyond).reshape(fields.shape)


def _looked_up(fields: Tensor, place: Tensor, beyond: str) -> Tensor:
    rows, columns = fields.shape[-2:]
    last = torch.tensor((max(columns - 1, 1), max(rows - 1, 1)), device=place.device, dtype=place.dtype)
    return functional.grid_sample(fields, place.movedim(1, -1) * (2 / last) - 1, "bilinear", beyond, align_corners=True)
