"""What a GRU does after its convolutions, in few passes over memory; see `lstm_gates` for why."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

__all__ = ["Activation", "gru_gates", "leaky_relu"]

Activation = Callable[[Tensor], Tensor]

leaky_relu: Activation = partial(functional.leaky_relu, negative_slope=0.2)


def gru_gates(from_input: Tensor | None, from_state: Tensor, h: Tensor, activation: Activation = leaky_relu) -> Tensor:
    """The new state from what input and state bring to the three gates r, u, h' (each a third of the channels).

    r = sig(xr + sr),  u = sig(xu + su),  h' = activation(xh + r . sh),  h = u . h- + (1 - u) . h'

    Args:
        from_input: (batch, 3 channels, ...); None without input.
        from_state: (batch, 3 channels, ...).
        h: (batch, channels, ...), the last state. The new one has its precision.
        activation: of the candidate h'. The backward pass of leaky ReLU and tanh is written by hand; torch finds that of others.
    """
    if torch.compiler.is_compiling() or (torch.is_grad_enabled() and activation not in (leaky_relu, torch.tanh)):
        return _traced(from_input, from_state, h, activation)
    if not torch.is_grad_enabled():
        return _forward(from_input, from_state, h, activation)[0]
    made: Tensor = _Gates.apply(from_input, from_state, h, activation)  # type: ignore[no-untyped-call]
    return made


def _traced(from_input: Tensor | None, from_state: Tensor, h: Tensor, activation: Activation) -> Tensor:
    """The equations as they stand, for compilers, exporters and autograd."""
    r_state, u_state, new_state = from_state.chunk(3, dim=1)
    if from_input is None:
        r, u = torch.sigmoid(r_state), torch.sigmoid(u_state)
        new = activation(r * new_state)
    else:
        r_input, u_input, new_input = from_input.chunk(3, dim=1)
        r, u = torch.sigmoid(r_input + r_state), torch.sigmoid(u_input + u_state)
        new = activation(new_input + r * new_state)
    return new + u * (h - new)


def _forward(from_input: Tensor | None, from_state: Tensor, h: Tensor, activation: Activation) -> tuple[Tensor, Tensor, Tensor]:
    """h, then r and u in one tensor, and h'."""
    channels = h.shape[1]
    r_and_u = from_state[:, : 2 * channels]
    r_and_u = r_and_u.sigmoid() if from_input is None else (r_and_u + from_input[:, : 2 * channels]).sigmoid_()
    r, u = r_and_u.chunk(2, dim=1)
    new_state = from_state[:, 2 * channels :]
    new = activation(r * new_state if from_input is None else torch.addcmul(from_input[:, 2 * channels :], r, new_state))
    return torch.lerp(new.to(h.dtype), h, u.to(h.dtype)), r_and_u, new


class _Gates(torch.autograd.Function):
    """The same with its derivative, for activations whose derivative is seen in their result."""

    @staticmethod
    def forward(ctx: Any, from_input: Tensor | None, from_state: Tensor, h: Tensor, activation: Activation) -> Tensor:
        result, r_and_u, new = _forward(from_input, from_state, h, activation)
        ctx.save_for_backward(r_and_u, new, from_state, h)
        ctx.has_input, ctx.activation = from_input is not None, activation
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dresult: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        r_and_u, new, from_state, h = ctx.saved_tensors
        channels = h.shape[1]
        r, u = r_and_u.chunk(2, dim=1)
        dstate = torch.empty_like(from_state)
        dr, du, dnew_state = dstate.chunk(3, dim=1)
        sigmoid_back = torch.ops.aten.sigmoid_backward.grad_input
        dh = dresult * u
        dnew = (dresult - dh).to(new.dtype)
        if ctx.activation is torch.tanh:
            dnew = torch.ops.aten.tanh_backward(dnew, new)
        else:
            dnew = torch.ops.aten.leaky_relu_backward(dnew, new, leaky_relu.keywords["negative_slope"], True)  # type: ignore[attr-defined]
        sigmoid_back((dresult * (h - new)).to(new.dtype), u, grad_input=du)
        sigmoid_back(dnew * from_state[:, 2 * channels :], r, grad_input=dr)
        torch.mul(dnew, r, out=dnew_state)
        dinput = torch.cat((dstate[:, : 2 * channels], dnew), dim=1) if ctx.has_input else None
        return dinput, dstate, dh, None
