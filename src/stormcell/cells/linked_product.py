"""What the links of a TrajGRU bring together: an image looked up along L flows, mixed by one matrix, in little time and memory.

The images looked up hold L times the state. Kept for the backward pass at every step they would be most of a network's memory, and
the traffic to and from them most of its time; so they are made anew there, a portion of the pixels at a time.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from stormcell.warp_tensor import bilinear_corners, gather_links, warp_links

__all__ = ["linked_product"]

_NUMBERS_AT_ONCE = 2**22  # larger tensors go back to the system after use, and coming again are cleared page by page


def linked_product(field: Tensor, flows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """out[p] = sum_l R_l field[p - flows[l, p]] + bias, bilinear, zeros outside.

    Warping works on each channel alone and R on each pixel alone, so either may come first; this way L and not L times the channels
    that come out are looked up.

    Args:
        field: (batch, channel, y, x).
        flows: (batch, link, 2, y, x) pixels; component 0 along x, 1 along y. Their dtype is the one that is worked in.
        weight: (channels out, channel * link, 1, 1), the links of a channel side by side.
        bias: (channels out,).

    Returns:
        (batch, channels out, y, x), of the flows' dtype.
    """
    if torch.compiler.is_compiling() or field.device.type not in ("cpu", "meta"):  # on meta costs are counted: those of the processor
        return functional.conv2d(warp_links(field.to(flows.dtype), flows).flatten(1, 2), weight.to(flows.dtype), bias.to(flows.dtype))
    if not torch.is_grad_enabled():
        return _forward(field, flows, weight, bias)
    made: Tensor = _LinkedProduct.apply(field, flows, weight, bias)  # type: ignore[no-untyped-call]
    return made


def _forward(field: Tensor, flows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    by_link = _by_link(weight, field.shape[1]).to(flows.dtype)
    return functional.linear(gather_links(field, flows).flatten(3), by_link, bias.to(flows.dtype)).movedim(-1, 1)


def _by_link(weight: Tensor, channels: int) -> Tensor:
    """(channels out, channel * link, 1, 1) as (channels out, link * channel)."""
    return weight.reshape(weight.shape[0], channels, -1).transpose(1, 2).flatten(1)


class _LinkedProduct(torch.autograd.Function):
    """The same with its derivative.

    Looking up is a product with a sparse matrix S of four numbers a row: wl = S h. Its derivatives are dh = S^T dwl, and, for each
    number of S, the product of a row of dwl and one of h.
    """

    @staticmethod
    def forward(ctx: Any, field: Tensor, flows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(field, flows, weight)
        return _forward(field, flows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dresult: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        field, flows, weight = ctx.saved_tensors
        batch, channels, rows, columns = field.shape
        links, outputs, pixels = flows.shape[1], weight.shape[0], rows * columns
        wide = torch.promote_types(field.dtype, torch.float32)
        with torch.enable_grad():
            flows = flows.detach().requires_grad_()
            places, corner_weights = bilinear_corners(flows)
        places, sparse = places.reshape(-1, links * 4), corner_weights.detach().reshape(-1, links * 4)
        table = field.movedim(1, -1).reshape(-1, channels)
        narrow_table, wide_table = table.to(flows.dtype), table.to(wide)
        dresult = dresult.movedim(1, -1).reshape(-1, outputs)
        by_link = _by_link(weight, channels).to(dresult.dtype)
        dfield, dweight, dsparse = torch.zeros_like(wide_table), torch.zeros_like(by_link, dtype=wide), torch.empty_like(sparse)
        room = torch.empty(0, dtype=wide)  # one for all portions: fresh memory of this size is cleared page by page
        for images, some in _portions(batch, pixels, links * channels):
            corners, here = places[some].reshape(-1, 4), slice(images.start * pixels, images.stop * pixels)
            numbers = sparse[some].reshape(-1, 4)
            gathered = functional.embedding_bag(corners, narrow_table, per_sample_weights=numbers.to(flows.dtype), mode="sum")
            dweight += dresult[some].t() @ gathered.reshape(-1, links * channels)
            narrow = dresult[some] @ by_link
            room = room if room.shape == narrow.shape else torch.empty_like(narrow, dtype=wide)
            dgathered = room.copy_(narrow).reshape(-1, channels)
            dsparse[some] = _dots(dgathered, wide_table, corners).reshape(-1, links * 4)
            dfield[here] += _transposed_product(numbers, corners - here.start, here.stop - here.start, dgathered)
        (dflows,) = torch.autograd.grad(corner_weights, flows, dsparse.reshape(corner_weights.shape))
        dweight = dweight.reshape(outputs, links, channels).transpose(1, 2).reshape(weight.shape).to(weight.dtype)
        dfield = dfield.reshape(batch, rows, columns, channels).movedim(-1, 1).to(field.dtype)
        return dfield, dflows, dweight, dresult.sum(0, dtype=wide).to(weight.dtype)


def _dots(rows: Tensor, table: Tensor, corners: Tensor) -> Tensor:
    """The product of each row with each of the rows of the table that are its corners, (row, corner)."""
    offsets = torch.arange(0, corners.numel(), 4, dtype=torch.int32)
    bags = torch.arange(len(corners), dtype=torch.int32).repeat_interleave(4)
    dots: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(rows, table, corners.flatten(), offsets, bags, 0)
    return dots


def _transposed_product(numbers: Tensor, places: Tensor, length: int, dense: Tensor) -> Tensor:
    """S^T times a dense matrix, S with these numbers, four a row, in these of `length` columns."""
    starts = np.arange(0, numbers.numel() + 1, 4, dtype=np.int32)
    sparse = csr_array((numbers.flatten().numpy(), places.flatten().numpy(), starts), shape=(len(numbers), length))
    return torch.from_numpy(sparse.T @ dense.numpy())


def _portions(batch: int, pixels: int, numbers_a_pixel: int) -> Iterator[tuple[slice, slice]]:
    """What is worked on together: which images, and which pixels counted through all images. Several whole images, or part of one.

    A part is an eighth of the image at least, as each adds to the gradient of the image as a whole.
    """
    whole = _NUMBERS_AT_ONCE // (pixels * numbers_a_pixel)
    if whole:
        for first in range(0, batch, whole):
            last = min(first + whole, batch)
            yield slice(first, last), slice(first * pixels, last * pixels)
        return
    part = max(1, _NUMBERS_AT_ONCE // numbers_a_pixel, pixels // 8)
    for image in range(batch):
        for first in range(0, pixels, part):
            yield slice(image, image + 1), slice(image * pixels + first, image * pixels + min(first + part, pixels))
