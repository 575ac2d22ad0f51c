"""Convolutional LSTM."""

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Projected, State
from stormcell.cells.convolution import of_state, over_time, same_size, xavier_gates_, zero_state
from stormcell.cells.lstm_gates import lstm_gates

__all__ = ["ConvLSTM"]


class ConvLSTM(nn.Module):
    """An LSTM whose states are images and whose matrix products are convolutions: what moves is seen by its neighbours.

    i = sig(Wxi * x + Whi * h- + wci . c- + bi)
    f = sig(Wxf * x + Whf * h- + wcf . c- + bf)
    c = f . c- + i . tanh(Wxc * x + Whc * h- + bc)
    o = sig(Wxo * x + Who * h- + wco . c + bo)
    h = o . tanh(c)

    `*` is a convolution that keeps the size (zeros outside), `.` the product element by element. Peephole weights are one number
    a channel: that, not one a pixel, gives the parameter counts of the paper, and lets the weights run on any grid.

    With 1x1 kernels and no peepholes it is `torch.nn.LSTMCell` at every pixel (gates in its order: i, f, g, o).

    Args:
        inputs: channels of the input; None or 0 for a layer without input.
        channels: channels of the state and the output.
        input_kernel: side of the input-to-state kernels [pixels], odd.
        state_kernel: side of the state-to-state kernels [pixels], odd. What moves faster than it reaches in a step is lost.
        dilation: spacing of the state-to-state kernels [pixels].
        peepholes: whether the gates see the cell state.

    Shapes:
        input (batch, inputs, y, x); output h and state (h, c) (batch, channels, y, x).

    Source:
        Shi et al. (2015), arXiv:1506.04214, eq. 3. First weights: Xavier for each kernel, zero for biases (also the forget gate's)
        and peepholes.
    """

    def __init__(
        self, inputs: int | None, channels: int, input_kernel: int, state_kernel: int, *, dilation: int = 1, peepholes: bool = True
    ) -> None:
        super().__init__()
        self.channels = channels
        self.combine = lstm_gates  # `compile_gates` puts a compiled one here
        self.input_convolution = same_size(inputs, 4 * channels, input_kernel, bias=False) if inputs else None
        self.state_convolution = same_size(channels, 4 * channels, state_kernel, dilation=dilation)
        self.peepholes = nn.Parameter(torch.empty(3, channels)) if peepholes else None  # of i, f, o
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights."""
        if self.input_convolution is not None:
            xavier_gates_(self.input_convolution.weight, 4)
        xavier_gates_(self.state_convolution.weight, 4)
        assert self.state_convolution.bias is not None
        nn.init.zeros_(self.state_convolution.bias)
        if self.peepholes is not None:
            nn.init.zeros_(self.peepholes)

    def project(self, inputs: Tensor) -> Projected:
        """Wx * x of the four gates: (time, batch, 4 channels, y, x)."""
        if self.input_convolution is None:
            raise ValueError("ConvLSTM: this layer was built without input; run it with inputs=None")
        return (over_time(self.input_convolution, inputs),)

    def initial_state(self, like: Tensor) -> State:
        """h and c of zero."""
        return zero_state(like, self.channels), zero_state(like, self.channels)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of the equations above."""
        h, c = state
        from_input = None if projected is None else projected[0]
        h, c = self.combine(from_input, of_state(self.state_convolution, h, from_input), c, self.peepholes)
        return h, (h, c)
