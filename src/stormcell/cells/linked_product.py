"""What the links of a TrajGRU bring together: an image looked up along L flows, mixed by one matrix, in little time and memory.

The images looked up hold L times the state. Kept for the backward pass at every step they would be most of a network's memory, and
the traffic to and from them most of its time; so they are made anew there, and their gradients in portions.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from stormcell.warp_tensor import gather_links, sampling_places, warp_links

__all__ = ["linked_product"]

_NUMBERS_AT_ONCE = 2**22  # of gradients: larger tensors go back to the system after use, and coming again are cleared page by page


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
    if torch.compiler.is_compiling():
        return functional.conv2d(warp_links(field.to(flows.dtype), flows).flatten(1, 2), weight.to(flows.dtype), bias.to(flows.dtype))
    if not torch.is_grad_enabled():
        return _forward(field, flows, weight, bias)
    made: Tensor = _LinkedProduct.apply(field, flows, weight, bias)  # type: ignore[no-untyped-call]
    return made


def _forward(field: Tensor, flows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    gathered = gather_links(field, flows).flatten(3)
    by_link = weight.reshape(weight.shape[0], field.shape[1], -1).transpose(1, 2).flatten(1)
    return functional.linear(gathered, by_link.to(flows.dtype), bias.to(flows.dtype)).movedim(-1, 1)


class _LinkedProduct(torch.autograd.Function):
    """The same with its derivative."""

    @staticmethod
    def forward(ctx: Any, field: Tensor, flows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(field, flows, weight)
        return _forward(field, flows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dresult: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        field, flows, weight = ctx.saved_tensors
        batch, channels, rows, columns = field.shape
        links, outputs = flows.shape[1], weight.shape[0]
        by_pixel = dresult.movedim(1, -1).reshape(-1, outputs)
        dweight = by_pixel.t() @ gather_links(field, flows).reshape(-1, links * channels)
        dweight = dweight.reshape(outputs, links, channels).transpose(1, 2).reshape(weight.shape).to(weight.dtype)
        wide = torch.promote_types(field.dtype, torch.float32)
        by_image = dresult.reshape(batch, outputs, rows * columns)
        transposed = weight.reshape(outputs, channels, links).permute(2, 1, 0).to(dresult.dtype)  # link, channel, out
        places, padded, scale = sampling_places(field, flows)
        dfield = torch.zeros_like(padded)
        dplaces = torch.empty_like(places)
        for first, last in _portions(links, batch * channels * rows * columns):
            mixer = transposed[first:last].transpose(0, 1).reshape(1, -1, outputs).expand(batch, -1, -1)
            dwarped = torch.bmm(mixer, by_image).to(wide).reshape(batch, channels, -1, columns)
            here = slice(first * rows, last * rows)
            dportion, dplaces[:, here] = torch.ops.aten.grid_sampler_2d_backward(
                dwarped, padded, places[:, here], 0, 0, False, [True, True]
            )
            dfield += dportion
        dflows = (dplaces * -scale).reshape(batch, links, rows, columns, 2).movedim(-1, 2).to(flows.dtype)
        return dfield[:, :, :rows, :columns].to(field.dtype), dflows, dweight, by_pixel.sum(0, dtype=wide).to(weight.dtype)


def _portions(links: int, numbers_a_link: int) -> list[tuple[int, int]]:
    """Links that are worked on together."""
    together = max(1, _NUMBERS_AT_ONCE // max(1, numbers_a_link))
    return [(first, min(first + together, links)) for first in range(0, links, together)]
