"""What an LSTM does after its matrix products or convolutions, in few passes over memory.

On images the products are quick and the dozen operations element by element that follow are not: each reads and writes tensors far
larger than the caches. Here the backward pass is written by hand, into one tensor.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["lstm_gates"]


def lstm_gates(products: Tensor, c: Tensor, peepholes: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """From the four gates' sums of products to the new state.

        i, f, g, o = products
        c' = sig(f + w_f c) c + sig(i + w_i c) tanh(g)
        h = sig(o + w_o c') tanh(c')

    Args:
        products: (batch, 4 channels, ...), the gates i, f, g, o one after the other.
        c: (batch, channels, ...). Kept in its own precision, so that it does not lose what it gathers over many steps of bfloat16.
        peepholes: w_i, w_f, w_o (3, channels), one number a channel.

    Returns:
        h in the precision of `products`, and c'.
    """
    weights = None if peepholes is None else peepholes.reshape(3, -1, *(1 for _ in range(c.dim() - 2)))
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return _forward(products, c, weights)[:2]
    made: tuple[Tensor, Tensor] = _Gates.apply(products, c, weights)  # type: ignore[no-untyped-call]
    return made


def _forward(products: Tensor, c: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """h, c', and i, f, g, o and tanh(c')."""
    i, f, g, o = products.chunk(4, dim=1)
    if weights is not None:
        i, f = i + weights[0] * c, f + weights[1] * c
    i, f, g = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g)
    new = torch.addcmul((f * c).to(c.dtype), i.to(c.dtype), g.to(c.dtype))
    o = torch.sigmoid(o if weights is None else o + weights[2] * new)
    squashed = torch.tanh(new).to(products.dtype)
    return (o * squashed).to(products.dtype), new, (i, f, g, o, squashed)


class _Gates(torch.autograd.Function):
    """The same with its derivative."""

    @staticmethod
    def forward(ctx: Any, products: Tensor, c: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
        h, new, gates = _forward(products, c, weights)
        ctx.save_for_backward(*gates, c, new, weights)
        return h, new

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dh: Tensor, dc: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        i, f, g, o, squashed, c, new, weights = ctx.saved_tensors
        channels_last = i.dim() == 4 and i.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        made = torch.empty((i.shape[0], 4 * i.shape[1], *i.shape[2:]), dtype=i.dtype, device=i.device, memory_format=layout)
        di, df, dg, do = made.chunk(4, dim=1)
        sigmoid_back, tanh_back = torch.ops.aten.sigmoid_backward.grad_input, torch.ops.aten.tanh_backward.grad_input
        sigmoid_back(dh * squashed, o, grad_input=do)
        dnew = dc + torch.ops.aten.tanh_backward(dh * o, squashed)
        if weights is not None:
            dnew = dnew + weights[2] * do
        narrow = dnew.to(i.dtype)
        sigmoid_back(narrow * c.to(i.dtype), f, grad_input=df)
        sigmoid_back(narrow * g, i, grad_input=di)
        tanh_back(narrow * i, g, grad_input=dg)
        dc_before = dnew * f
        if weights is None:
            return made, dc_before, None
        dc_before = dc_before + weights[0] * di + weights[1] * df
        over = (0, *range(2, c.dim()))
        dweights = torch.stack([(di * c).sum(over), (df * c).sum(over), (do * new).sum(over)])
        return made, dc_before, dweights.reshape(weights.shape).to(weights.dtype)
