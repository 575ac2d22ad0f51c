"""Spatio-temporal LSTM: a convolutional LSTM with a second memory that is handed from layer to layer."""

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Projected, State
from stormcell.cells.convolution import over_time, same_size, xavier_gates_, zero_state

__all__ = ["Increments", "STLSTM"]

Increments = tuple[Tensor, Tensor]


class STLSTM(nn.Module):
    """A convolutional LSTM with two memories: c stays in the layer, m passes through all layers.

    i = sig(Wxi * x + Whi * h-),  f = sig(Wxf * x + Whf * h- + 1),  g = tanh(Wxg * x + Whg * h-)
    c = f . c- + i . g
    i' = sig(Vxi * x + Vmi * m-),  f' = sig(Vxf * x + Vmf * m- + 1),  g' = tanh(Vxg * x + Vmg * m-)
    m = f' . m- + i' . g'
    o = sig(Wxo * x + Who * h- + Wco * c + Wmo * m)
    h = o . tanh(Wc * c + Wm * m)                              (the last two are 1x1)

    On its own the cell hands m to itself. `stormcell.networks.predrnn.ZigZag` hands it up through the layers, and from the top of
    one step to the bottom of the next.

    Args:
        inputs: channels of the input; None or 0 for a layer without input.
        channels: channels of the states and the output.
        kernel: side of the kernels [pixels], odd.

    Shapes:
        input (batch, inputs, y, x); output h and state (h, c, m) (batch, channels, y, x).

    Source:
        Wang et al. (2022), arXiv:2103.09504, eq. 3. As in the published code the forget gates have a fixed 1 and no other bias, which
        gives its number of parameters. First weights: Xavier-uniform for each kernel. Departure: without its layer normalisation over
        (channel, y, x), which is off in its Moving MNIST runs and would tie the weights to one grid.
    """

    def __init__(self, inputs: int | None, channels: int, kernel: int = 5) -> None:
        super().__init__()
        self.channels = channels
        self.input_convolution = same_size(inputs, 7 * channels, kernel, bias=False) if inputs else None  # i, f, g, o, i', f', g'
        self.state_convolution = same_size(channels, 4 * channels, kernel, bias=False)  # i, f, g, o
        self.memory_convolution = same_size(channels, 3 * channels, kernel, bias=False)  # i', f', g'
        self.output_convolution = same_size(2 * channels, channels, kernel, bias=False)
        self.mix = same_size(2 * channels, channels, 1, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights."""
        if self.input_convolution is not None:
            xavier_gates_(self.input_convolution.weight, 7)
        xavier_gates_(self.state_convolution.weight, 4)
        xavier_gates_(self.memory_convolution.weight, 3)
        xavier_gates_(self.output_convolution.weight, 1)
        xavier_gates_(self.mix.weight, 1)

    def project(self, inputs: Tensor) -> Projected:
        """Wx * x of the four gates with c and Vx * x of the three with m: (time, batch, 7 channels, y, x)."""
        if self.input_convolution is None:
            raise ValueError("STLSTM: this layer was built without input; run it with inputs=None")
        return (over_time(self.input_convolution, inputs),)

    def initial_state(self, like: Tensor) -> State:
        """h, c and m of zero."""
        return zero_state(like, self.channels), zero_state(like, self.channels), zero_state(like, self.channels)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of the equations above."""
        new, _ = self.advance(projected, state)
        return new[0], new

    def advance(self, projected: Projected | None, state: State) -> tuple[State, Increments]:
        """One step, with what it added to the two memories: (h, c, m) and (i . g, i' . g'), for PredRNN-V2's decoupling loss."""
        h, c, m = state
        with_c, with_m = self.state_convolution(h), self.memory_convolution(m)
        if projected is not None:
            with_c = with_c + projected[0][:, : 4 * self.channels]
            with_m = with_m + projected[0][:, 4 * self.channels :]
        i, f, g, o = with_c.chunk(4, dim=1)
        i_m, f_m, g_m = with_m.chunk(3, dim=1)
        added_c = torch.sigmoid(i) * torch.tanh(g)
        added_m = torch.sigmoid(i_m) * torch.tanh(g_m)
        c = torch.sigmoid(f + 1) * c + added_c
        m = torch.sigmoid(f_m + 1) * m + added_m
        memories = torch.cat((c, m), dim=1)
        h = torch.sigmoid(o + self.output_convolution(memories)) * torch.tanh(self.mix(memories))
        return (h, c, m), (added_c, added_m)
