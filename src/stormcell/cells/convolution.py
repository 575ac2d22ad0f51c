"""What the convolutional cells share: convolutions that keep the size, time folded into the batch, first weights."""

import math

import torch
from torch import Tensor, nn

__all__ = ["is_blank", "msra_", "of_state", "over_time", "same_size", "xavier_gates_", "zero_state"]


def same_size(inputs: int, outputs: int, kernel: int, *, dilation: int = 1, bias: bool = True) -> nn.Conv2d:
    """A convolution whose result has the size of its input; zeros outside.

    Raises:
        ValueError: a kernel that has no middle, or a number below one.
    """
    if min(inputs, outputs, kernel, dilation) < 1:
        raise ValueError(f"expected channels, kernel and dilation of one or more, got {inputs}, {outputs}, {kernel}, {dilation}")
    if kernel % 2 == 0:
        raise ValueError(f"expected a kernel with an odd side, so that it has a middle, got {kernel}")
    return nn.Conv2d(inputs, outputs, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=bias)


def over_time(layer: nn.Module, inputs: Tensor) -> Tensor:
    """A layer without recurrence on all steps in one batch: (time, batch, ...) in and out; either order of the two will do."""
    if torch.compiler.is_compiling() and inputs.shape[0] == 1:  # one step, for exporters: axes that come and go again can be left out
        one: Tensor = layer(inputs.squeeze(0))
        return one.unsqueeze(0)
    channels_beside = inputs.dim() == 5 and inputs.stride(2) == 1 and inputs.shape[2] > 1  # in memory; to be kept
    images = inputs.movedim(2, -1).flatten(0, 1).movedim(-1, 1) if channels_beside else inputs.flatten(0, 1)
    result: Tensor = layer(images)
    return result.reshape(*inputs.shape[:2], *result.shape[1:])


def zero_state(like: Tensor, channels: int) -> Tensor:
    """Zeros (batch, channels, y, x) on the batch, grid, device and dtype of `like` (batch, any, y, x)."""
    return like.new_zeros(like.shape[0], channels, *like.shape[2:])


def of_state(layer: nn.Module, h: Tensor, from_input: Tensor | None) -> Tensor:
    """A convolution of the state, layer(h), without the work where the state is still blank: then only the bias is left.

    The weights get no gradient from such a step, as it would be zero.

    Args:
        layer: a convolution, or what a normaliser made of it, which always works.
        h: (batch, channel, y, x).
        from_input: what it will be added to, (batch, channels out, y, x); None without input.
    """
    if from_input is None or not isinstance(layer, nn.Conv2d) or layer.bias is None or not is_blank(h):
        result: Tensor = layer(h)
        return result
    return layer.bias.to(from_input.dtype)[:, None, None].expand_as(from_input)


def is_blank(h: Tensor) -> bool:
    """Whether a state is known to be all zeros, as sequences begin, and no gradient is asked of it.

    Looked at only where a look is cheap: on the processor, and further than at its first number only if that is zero.
    """
    if h.requires_grad or h.device.type != "cpu" or torch.compiler.is_compiling() or torch._C._functorch.is_batchedtensor(h):
        return False
    return h.numel() > 0 and not h[(0,) * h.dim()] and not h.any()


@torch.no_grad()
def xavier_gates_(weight: Tensor, gates: int) -> None:
    """Xavier-uniform, each gate's kernel (a block of output channels) on its own: U(-b, b), b = sqrt(6 / (fan in + fan out)).

    Source:
        Glorot & Bengio (2010), https://proceedings.mlr.press/v9/glorot10a.html.
    """
    for kernel in weight.chunk(gates):
        nn.init.xavier_uniform_(kernel)


@torch.no_grad()
def msra_(weight: Tensor, slope: float = 0.2) -> None:
    """He's normal numbers for leaky ReLUs of this slope, with the mean of both fans: N(0, 2 / ((1 + slope^2) mean(fan in, fan out))).

    Source:
        He et al. (2015), arXiv:1502.01852, in the form of MXNet's MSRAPrelu that the HKO-7 networks were trained from.
    """
    if weight.is_meta:  # there is nothing to draw, and torch would load its compiler for it, which takes a second
        return
    field = math.prod(weight.shape[2:])
    fan = (weight.shape[0] + weight.shape[1]) * field / 2
    nn.init.normal_(weight, std=math.sqrt(2 / ((1 + slope**2) * fan)))
