"""Moving an image inside a network: the backward warp of `stormcell.warp`, differentiable and in batches."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["warp_links", "warp_tensor"]


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
    links = displacements.shape[1] if displacements.dim() == 5 else 0
    if field.dim() != 4 or displacements.shape != (field.shape[0], links, 2, *field.shape[2:]):
        raise ValueError(
            f"warp: expected field (batch, channel, y, x) and displacements (batch, link, 2, y, x), "
            f"got {tuple(field.shape)} and {tuple(displacements.shape)}"
        )
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


def _power_of_two(length: int) -> int:
    """The first one that is not smaller. A length that `torch.export` leaves open stays: there whole pixels are off by rounding."""
    return 1 << (length - 1).bit_length() if isinstance(length, int) else length
