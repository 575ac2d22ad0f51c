"""Large images through a network in overlapping tiles, so that memory does not grow with the image and no seam shows.

Neighbouring tiles share a strip. What a network says near the edge of a tile lacks what lies beyond it; so the outer quarter of the strip
belongs wholly to the other tile, and between the quarters one fades smoothly into the other:

    forecast = sum over tiles  w_row w_column network(tile),   sum over tiles w_row w_column = 1

A network whose output depends on nothing more than a quarter of the strip away gives the same as untiled. Recurrent networks see further
with every step, if ever more faintly; for them the strip decides how much of the far field is lost.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from stormcell.errors import MethodError

__all__ = ["Cut", "cuts", "in_tiles"]


class Cut(NamedTuple):
    """One tile's place along an axis.

    Attributes:
        start: first pixel.
        length: pixels, of which the last may lie outside of the image.
        weight: (length,) how much its forecast counts.
    """

    start: int
    length: int
    weight: Tensor


def cuts(size: int, *, tile: int, overlap: int, multiple: int = 1, fixed: bool = False) -> list[Cut]:
    """Where to cut along one axis.

    Args:
        size: pixels of the image.
        tile: the longest tile.
        overlap: pixels that neighbours share, at least.
        multiple: tiles start and are as long as multiples of this, so that coarser grids inside a network lie as they would untiled.
        fixed: all tiles are of the length `tile`, for networks that take no other.

    Raises:
        MethodError: tiles too short for their overlap.
    """
    shared = overlap + (0 if fixed else multiple - 1)
    whole = size if fixed else math.ceil(size / multiple) * multiple
    if fixed and whole <= tile or whole <= tile // multiple * multiple:
        length = tile if fixed else whole
        return [Cut(0, length, torch.ones(length))]
    longest = tile // multiple * multiple
    if longest < 3 * shared + multiple:  # so that no more than two tiles fade into each other at one place
        raise MethodError(f"expected tiles of at least {3 * shared + 2 * multiple} pixels for an overlap of {overlap}, got {tile}")
    count = math.ceil((whole - shared) / (longest - shared))
    length = longest if fixed else math.ceil((whole + (count - 1) * shared) / count / multiple) * multiple
    starts = [index * (whole - length) // (count - 1) // multiple * multiple for index in range(count)]
    weights = [torch.ones(length) for _ in starts]
    for index in range(count - 1):
        strip = starts[index] + length - starts[index + 1]
        fade = _fade(strip)
        weights[index][length - strip :] *= 1 - fade
        weights[index + 1][:strip] *= fade
    return [Cut(start, length, weight) for start, weight in zip(starts, weights, strict=True)]


def in_tiles(
    run: Callable[[Tensor], Tensor],
    past: Tensor,
    steps: int,
    *,
    tile: int | tuple[int, int],
    overlap: int,
    multiple: int = 1,
    fixed: bool = False,
    onto: Tensor | None = None,
) -> Tensor:
    """Run a network over an image of any size. Tiles without anything in them are not run: nothing comes of them.

    Args:
        run: the network, from (batch, time, 1, y, x) to (batch, steps, 1, y, x).
        past: (batch, time, 1, y, x), 0 where it is dry; padded with zeros at the far sides where tiles go beyond.
        steps: how many frames `run` makes.
        tile: the largest side of a tile, or (rows, columns) [pixels].
        overlap: see `cuts`.
        multiple: see `cuts`.
        fixed: see `cuts`.
        onto: (batch, steps, 1, y, x) to which the forecast is added; zeros if None.

    Returns:
        (batch, steps, 1, y, x), `onto` itself if it is given.
    """
    rows, columns = past.shape[-2:]
    high, wide = (tile, tile) if isinstance(tile, int) else tile
    down = cuts(rows, tile=high, overlap=overlap, multiple=multiple, fixed=fixed)
    across = cuts(columns, tile=wide, overlap=overlap, multiple=multiple, fixed=fixed)
    forecast = past.new_zeros(past.shape[0], steps, 1, rows, columns) if onto is None else onto
    for row in down:
        for column in across:
            part = past[..., row.start : row.start + row.length, column.start : column.start + column.length]
            high, wide = part.shape[-2:]
            wet = part.flatten(1).any(dim=1)
            if not wet.any():
                continue
            made = run(functional.pad(part[wet], (0, column.length - wide, 0, row.length - high)))[..., :high, :wide]
            if len(down) == len(across) == 1 and wet.all():
                forecast += made  # in place, without a copy to be weighted
                continue
            weighted = made * (row.weight[:high, None] * column.weight[:wide])
            forecast[wet, :, :, row.start : row.start + high, column.start : column.start + wide] += weighted
    return forecast


def _fade(strip: int) -> Tensor:
    """0 over the first quarter, 1 over the last, smooth between."""
    place = ((torch.arange(strip) + 0.5) / strip * 2 - 0.5).clamp(0, 1)
    return place**2 * (3 - 2 * place)
