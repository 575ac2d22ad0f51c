"""One step of a trained network as a graph, forwards, and backwards with the gradient."""

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from stormcell.cells import LSTM, RNN, ConvLSTM
from stormcell.lab.interactive.models import Trained

__all__ = ["ForwardStep", "GatedBackward", "PlainBackward"]


class ForwardStep(nn.Module):
    """A step of the cell, with its recurrent weights multiplied and its forget bias set anew.

    `forward(x, h, c, scale, forget_bias)` gives the output, the new state and what the gates are after their sigmoid or tanh (i, f,
    g, o one after the other along the channels). A plain recurrent cell has neither c nor gates: `forward(x, h, scale)` gives the
    output and h.

    Args:
        trained: whose weights it has.

    Shapes:
        x (batch, channels in, ...), h and c (batch, channels, ...), scale and forget_bias (1,).
    """

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.cell, self.readout = trained.cell, trained.readout
        self.stepped = _Stepped(trained.cell)

    def forward(self, x: Tensor, h: Tensor, c: Tensor | None, scale: Tensor, forget_bias: Tensor | None) -> tuple[Tensor, ...]:
        """See the class."""
        weight, bias = recurrent(self.cell)
        changed = {f"cell.{weight}": self.cell.get_parameter(weight) * scale}
        if forget_bias is not None:
            i, _, g, o = self.cell.get_parameter(bias).chunk(4)
            changed[f"cell.{bias}"] = torch.cat([i, forget_bias.expand_as(i), g, o])
        state, gates = functional_call(self.stepped, changed, (x, (h,) if c is None else (h, c)))
        made = (self.readout(state[0]), *state)
        if c is None:
            return made
        i, f, g, o = gates.chunk(4, dim=1)
        return *made, torch.cat([torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)], dim=1)


class GatedBackward(nn.Module):
    """The gradient one step back through an LSTM or a ConvLSTM without peepholes: the derivative of the step, transposed.

    With t = tanh(c'), the gates' own values and the gradients dh', dc' with respect to the step's result:

        do = dh' . t . o (1 - o)
        e  = dc' + dh' . o (1 - t^2)
        di = e . g . i (1 - i),  df = e . c . f (1 - f),  dg = e . i (1 - g^2)
        dc = e . f
        dh = s W_h^T [di df dg do]          a transposed convolution on images

    Args:
        trained: whose recurrent weights it has.
    """

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.weight = nn.Buffer(trained.cell.get_parameter(recurrent(trained.cell)[0]).detach().clone())

    def forward(self, dh: Tensor, dc: Tensor, gates: Tensor, c: Tensor, new: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """From the gradient with respect to (h', c') to that with respect to (h, c).

        Args:
            dh, dc: gradient with respect to the state after the step.
            gates: as `ForwardStep` gives them.
            c: before the step.
            new: c after the step.
            scale: of the recurrent weights, (1,).
        """
        i, f, g, o = gates.chunk(4, dim=1)
        shown = torch.tanh(new)
        entering = dc + dh * o * (1 - shown**2)
        products = torch.cat(
            [entering * g * i * (1 - i), entering * c * f * (1 - f), entering * i * (1 - g**2), dh * shown * o * (1 - o)], dim=1
        )
        return back(products, self.weight * scale), entering * f


class PlainBackward(nn.Module):
    """The gradient one step back through h' = tanh(s W_h h + ...): dh = s W_h^T (dh' . (1 - h'^2)).

    Args:
        trained: whose recurrent weights it has.
    """

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.weight = nn.Buffer(trained.cell.get_parameter(recurrent(trained.cell)[0]).detach().clone())

    def forward(self, dh: Tensor, new: Tensor, scale: Tensor) -> Tensor:
        """From the gradient with respect to h' to that with respect to h.

        Args:
            dh: gradient with respect to h'.
            new: h'.
            scale: of the recurrent weights, (1,).
        """
        return back(dh * (1 - new**2), self.weight * scale)


def back(products: Tensor, weight: Tensor) -> Tensor:
    """The transposed product with a matrix, or the transposed convolution with kernels."""
    if weight.dim() == 2:
        return products @ weight
    return functional.conv_transpose2d(products, weight, padding=weight.shape[-1] // 2)


def recurrent(cell: nn.Module) -> tuple[str, str]:
    """Names of the parameters of a cell that are its recurrent weights and its bias."""
    return ("gates.state_weight", "gates.bias") if isinstance(cell, LSTM | RNN) else ("state_convolution.weight", "state_convolution.bias")


class _Stepped(nn.Module):
    """A cell's step as the forward of a module, and the sums that its gates take the sigmoid or tanh of."""

    cell: RNN | LSTM | ConvLSTM

    def __init__(self, cell: RNN | LSTM | ConvLSTM) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        projected = tuple(term[0] for term in self.cell.project(x[None]))
        _, new = self.cell.step(projected, state)
        if isinstance(self.cell, LSTM | RNN):
            return new, self.cell.gates(projected, state[0])
        sums: Tensor = projected[0] + self.cell.state_convolution(state[0])
        return new, sums
