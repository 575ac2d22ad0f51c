"""Convolutional GRU."""

from torch import Tensor, nn

from stormcell.cells.cell import Projected, State
from stormcell.cells.convolution import msra_, of_state, over_time, same_size, zero_state
from stormcell.cells.gru_gates import Activation, gru_gates, leaky_relu

__all__ = ["ConvGRU"]


class ConvGRU(nn.Module):
    """A GRU whose state is an image and whose matrix products are convolutions.

    r = sig(Wr * x + br + Rr * h- + dr)
    u = sig(Wu * x + bu + Ru * h- + du)
    h' = activation(Wh * x + bh + r . (Rh * h- + dh))
    h = u . h- + (1 - u) . h'

    `*` is a convolution that keeps the size (zeros outside), `.` the product element by element. The reset gate acts after the
    recurrent convolution, and u keeps the OLD state, as in `torch.nn.GRUCell`; with 1x1 kernels and activation=torch.tanh it is
    that cell at every pixel (gates in its order: r, z = u, n = h').

    Args:
        inputs: channels of the input; None or 0 for a layer without input (W and b are then not there).
        channels: channels of the state and the output.
        input_kernel: side of the input-to-state kernels W [pixels], odd.
        state_kernel: side of the state-to-state kernels R [pixels], odd.
        dilation: spacing of the state-to-state kernels [pixels].
        activation: of the candidate h'; leaky ReLU of slope 0.2 in the paper.

    Shapes:
        input (batch, inputs, y, x); output h and state (h,) (batch, channels, y, x).

    Source:
        Shi et al. (2017), arXiv:1706.03458, eq. 1, as their published code has it. First weights: `msra_` of slope 0.2, zero biases.
    """

    def __init__(
        self,
        inputs: int | None,
        channels: int,
        input_kernel: int = 3,
        state_kernel: int = 3,
        *,
        dilation: int = 1,
        activation: Activation = leaky_relu,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.combine = gru_gates  # `compile_gates` puts a compiled one here
        self.activation = activation
        self.input_convolution = same_size(inputs, 3 * channels, input_kernel) if inputs else None
        self.state_convolution = same_size(channels, 3 * channels, state_kernel, dilation=dilation)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights."""
        for layer in (self.input_convolution, self.state_convolution):
            if layer is not None:
                msra_(layer.weight)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def project(self, inputs: Tensor) -> Projected:
        """W * x + b of the three gates: (time, batch, 3 channels, y, x)."""
        if self.input_convolution is None:
            raise ValueError("ConvGRU: this layer was built without input; run it with inputs=None")
        return (over_time(self.input_convolution, inputs),)

    def initial_state(self, like: Tensor) -> State:
        """h of zero."""
        return (zero_state(like, self.channels),)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of the equations above."""
        (h,) = state
        from_input = None if projected is None else projected[0]
        h = self.combine(from_input, of_state(self.state_convolution, h, from_input), h, self.activation)
        return h, (h,)
