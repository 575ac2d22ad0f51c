"""A task with motion alone: films of discs that drift, each at a steady speed of its own."""

import math

import torch
from torch import Tensor

__all__ = ["drifting_discs"]


def drifting_discs(
    films: int,
    frames: int,
    side: int,
    speeds: tuple[float, float],
    generator: torch.Generator,
    *,
    discs: int = 1,
    radius: float = 2.0,
    direction: float | None = None,
) -> Tensor:
    """White discs on black, that drift in straight lines and stay within the frame from the first frame to the last.

    A pixel is as white as the disc covers it, about: clip(radius + 1/2 - distance to the centre, 0, 1). Where discs meet the whiter counts.

    Args:
        films: how many.
        frames: of each film.
        side: of a frame [pixels].
        speeds: least and largest [pixels a frame]; drawn evenly between them.
        generator: of speeds, directions and places.
        discs: in each film.
        radius: of a disc [pixels].
        direction: of all discs, clockwise from the right [radians]; from all round if None.

    Returns:
        (film, time, 1, y, x), from 0 to 1.

    Raises:
        ValueError: the fastest disc would leave the frame.
    """
    room, way = side - 1 - 2 * radius, speeds[1] * (frames - 1)
    if way > room:
        raise ValueError(f"drifting_discs: the fastest disc moves {way:g} pixels in a film, but a frame has room for {room:g}; take less")
    speed = speeds[0] + (speeds[1] - speeds[0]) * torch.rand(films, discs, generator=generator)
    angle = 2 * math.pi * torch.rand(films, discs, generator=generator) if direction is None else torch.full((films, discs), direction)
    motion = speed[..., None] * torch.stack((angle.cos(), angle.sin()), dim=-1)  # (film, disc, x and y)
    first = radius - (motion * (frames - 1)).clamp(max=0.0)
    free = room - motion.abs() * (frames - 1)
    start = first + free * torch.rand(films, discs, 2, generator=generator)
    centre = start[:, None] + motion[:, None] * torch.arange(frames)[:, None, None]  # (film, time, disc, x and y)
    pixels = torch.arange(side)
    x, y = centre[..., 0, None, None], centre[..., 1, None, None]
    distance = torch.hypot(pixels - x, pixels[:, None] - y)
    return (radius + 0.5 - distance).clamp(0.0, 1.0).amax(dim=2, keepdim=True)
