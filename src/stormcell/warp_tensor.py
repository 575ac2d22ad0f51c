"""Moving an image inside a network: the backward warp of `stormcell.warp`, differentiable and in batches."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["bilinear_corners", "gather_links", "warp_links", "warp_tensor"]


def warp_tensor(field: Tensor, displacement: Tensor) -> Tensor:
    """out[p] = field[p - displacement[p]], bilinear; what comes from outside the image is 0.

    Zero displacement is the identity and whole pixels are a shift, both to the last bit. Gradients flow to both arguments.

    Args:
        field: (batch, channel, y, x).
        displacement: (batch, 2, y, x) pixels; component 0 along x, 1 along y (with the row number).

    Returns:
        (batch, channel, y, x), of the field's dtype; places are worked out in float32 at least.

    Raises:
        ValueError: the shapes do not fit together.
    """
    if field.dim() != 4 or displacement.shape != (field.shape[0], 2, *field.shape[2:]):
        raise ValueError(
            f"warp: expected field (batch, channel, y, x) and displacement (batch, 2, y, x), "
            f"got {tuple(field.shape)} and {tuple(displacement.shape)}"
        )
    return warp_links(field, displacement[:, None])[:, :, 0]


def warp_links(field: Tensor, displacements: Tensor) -> Tensor:
    """Warp one field by several displacements at once: out[l, p] = field[p - displacements[l, p]], as `warp_tensor`.

    The places of all links are laid below one another, so the field is looked up once and never copied.

    Args:
        field: (batch, channel, y, x).
        displacements: (batch, link, 2, y, x) pixels; component 0 along x, 1 along y (with the row number).

    Returns:
        (batch, channel, link, y, x), of the field's dtype.

    Raises:
        ValueError: the shapes do not fit together.
    """
    links = _checked_links(field, displacements)
    batch, channels, rows, columns = field.shape
    dtype = torch.promote_types(field.dtype, torch.float32)  # 8 bits of bfloat16 cannot number the pixels of an image
    moved = displacements.to(dtype)
    # In grid_sample's units, with align_corners=False, pixel p of n has its centre at (2 p + 1) / n - 1. With n a power of two, that
    # and the way back are free of rounding for whole pixels, so the image gets zeros on its far sides up to one.
    wide, high = _power_of_two(columns), _power_of_two(rows)
    x = torch.arange(columns, device=field.device, dtype=dtype) - moved[:, :, 0]
    y = torch.arange(rows, device=field.device, dtype=dtype)[:, None] - moved[:, :, 1]
    places = torch.stack(((2 * x + 1) / wide - 1, (2 * y + 1) / high - 1), dim=-1).reshape(batch, links * rows, columns, 2)
    padded = functional.pad(field.to(dtype), (0, wide - columns, 0, high - rows))
    looked_up = functional.grid_sample(padded, places, mode="bilinear", padding_mode="zeros", align_corners=False)
    return looked_up.reshape(batch, channels, links, rows, columns).to(field.dtype)


def gather_links(field: Tensor, displacements: Tensor) -> Tensor:
    """What `warp_links` gives, with all channels of a place side by side: several times quicker where no gradients are needed.

    Each place is a weighted sum of four rows of a table that has a row a pixel, the operation of an embedding bag.

    Args:
        field: (batch, channel, y, x).
        displacements: (batch, link, 2, y, x) pixels; component 0 along x, 1 along y (with the row number).

    Returns:
        (batch, y, x, link, channel), of the displacements' dtype; places are worked out in float32 at least, their weights rounded to it.

    Raises:
        ValueError: the shapes do not fit together.
    """
    links = _checked_links(field, displacements)
    batch, channels, rows, columns = field.shape
    places, weights = bilinear_corners(displacements)
    table = field.to(displacements.dtype).movedim(1, -1).reshape(-1, channels)
    weights = weights.to(table.dtype).reshape(-1, 4)
    summed = functional.embedding_bag(places.reshape(-1, 4), table, per_sample_weights=weights, mode="sum")
    return summed.reshape(batch, rows, columns, links, channels)


def bilinear_corners(displacements: Tensor) -> tuple[Tensor, Tensor]:
    """The four pixels around each place p - displacements[l, p], and what each counts.

    Args:
        displacements: (batch, link, 2, y, x) pixels; component 0 along x, 1 along y.

    Returns:
        Both (batch, y, x, link, 4): the numbers of the pixels, int32, counted row by row through all images of the batch, and their
        weights, in float32 at least, 0 for a pixel outside of the image. Gradients flow from the weights to the displacements.
    """
    rows, columns = displacements.shape[3:]
    device = displacements.device
    moved = displacements.permute(0, 3, 4, 1, 2).to(torch.promote_types(displacements.dtype, torch.float32))
    xs = _neighbours(torch.arange(columns, device=device)[:, None] - moved[..., 0], columns)
    ys = _neighbours(torch.arange(rows, device=device)[:, None, None] - moved[..., 1], rows)
    first = torch.arange(displacements.shape[0], device=device, dtype=torch.int32)[:, None, None, None] * rows
    corners = [((first + row) * columns + column, high * wide) for row, high in ys for column, wide in xs]
    return torch.stack([place for place, _ in corners], dim=-1), torch.stack([weight for _, weight in corners], dim=-1)


def _neighbours(places: Tensor, length: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The pixels below and above each place along one axis, int32, each with its weight: 0 for one outside of 0..length - 1."""
    places = places.clamp(-1, length)
    below = places.floor()
    weight = places - below  # of the one above
    row = below.nan_to_num().int()
    inside, next_inside = (row >= 0) & (row < length), row < length - 1
    return (row.clamp(0, length - 1), (1 - weight) * inside), ((row + 1).clamp_(0, length - 1), weight * next_inside)


def _checked_links(field: Tensor, displacements: Tensor) -> int:
    links = displacements.shape[1] if displacements.dim() == 5 else 0
    if field.dim() != 4 or displacements.shape != (field.shape[0], links, 2, *field.shape[2:]):
        raise ValueError(
            f"warp: expected field (batch, channel, y, x) and displacements (batch, link, 2, y, x), "
            f"got {tuple(field.shape)} and {tuple(displacements.shape)}"
        )
    return links


def _power_of_two(length: int) -> int:
    """The first one that is not smaller. A length that `torch.export` leaves open stays: there whole pixels are off by rounding."""
    return 1 << (length - 1).bit_length() if isinstance(length, int) else length
