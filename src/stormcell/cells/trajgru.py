"""Trajectory GRU: a convolutional GRU that learns where to look."""

from torch import Tensor, nn
from torch.nn import functional

from stormcell.cells.cell import Projected, State
from stormcell.cells.convolution import is_blank, msra_, over_time, same_size, zero_state
from stormcell.cells.gru_gates import Activation, gru_gates, leaky_relu
from stormcell.cells.linked_product import linked_product
from stormcell.warp_tensor import warp_links

__all__ = ["TrajGRU"]

_FLOW_CHANNELS = 32  # hidden channels of the structure generator
_FLOW_KERNEL = 5


class TrajGRU(nn.Module):
    """A GRU that gathers its last state along L links for each pixel, which it works out from what it sees.

    q = leaky(Fx * x + Fh * h- + b),  F1..FL = G * q + d                   (5x5 kernels; q has 32 channels, Fl is x and y in pixels)
    wl[p] = h-[p - Fl[p]]                                                  (bilinear, zeros outside)
    (sr, su, sh) = sum_l Rl wl + d                                         (Rl is a 1x1 convolution)
    r = sig(Wr * x + br + sr),  u = sig(Wu * x + bu + su)
    h' = activation(Wh * x + bh + r . sh),  h = u . h- + (1 - u) . h'

    Convolution looks at the same places everywhere; rotation and growth need other ones at each pixel. G and d start at zero, so
    all links start where the pixel is; with zero flow and one link it is `ConvGRU` with a 1x1 state kernel.

    Args:
        inputs: channels of the input; None or 0 for a layer without input (W, b and Fx are then not there).
        channels: channels of the state and the output.
        links: L, how many places each pixel gathers from.
        input_kernel: side of the input-to-state kernels W [pixels], odd.
        activation: of the candidate h'; leaky ReLU of slope 0.2 in the paper.

    Shapes:
        input (batch, inputs, y, x); output h and state (h,) (batch, channels, y, x).

    Source:
        Shi et al. (2017), arXiv:1706.03458, eq. 3, as their published code has it (flow subtracted, biases in both branches of the
        structure generator). First weights: `msra_` of slope 0.2, zero biases. Departure: the columns of R run over the links of a
        channel, not over the channels of a link; the sum is the same, and the warped images need not be moved.
    """

    def __init__(
        self, inputs: int | None, channels: int, links: int, input_kernel: int = 3, *, activation: Activation = leaky_relu
    ) -> None:
        super().__init__()
        if links < 1:
            raise ValueError(f"TrajGRU: expected one link or more, got {links}")
        self.channels = channels
        self.combine = gru_gates  # `compile_gates` puts a compiled one here
        self.links = links
        self.activation = activation
        self.input_convolution = same_size(inputs, 3 * channels, input_kernel) if inputs else None
        self.input_to_flow = same_size(inputs, _FLOW_CHANNELS, _FLOW_KERNEL) if inputs else None
        self.state_to_flow = same_size(channels, _FLOW_CHANNELS, _FLOW_KERNEL)
        self.flow = same_size(_FLOW_CHANNELS, 2 * links, _FLOW_KERNEL)
        self.state_convolution = same_size(links * channels, 3 * channels, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights; the flow's are zero."""
        for layer in (self.input_convolution, self.input_to_flow, self.state_to_flow, self.state_convolution, self.flow):
            if layer is not None:
                msra_(layer.weight)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.flow.weight)

    def project(self, inputs: Tensor) -> Projected:
        """W * x + b of the three gates (time, batch, 3 channels, y, x) and Fx * x of the flow (time, batch, 32, y, x)."""
        if self.input_convolution is None or self.input_to_flow is None:
            raise ValueError("TrajGRU: this layer was built without input; run it with inputs=None")
        return over_time(self.input_convolution, inputs), over_time(self.input_to_flow, inputs)

    def initial_state(self, like: Tensor) -> State:
        """h of zero."""
        return (zero_state(like, self.channels),)

    def flows(self, to_flow: Tensor | None, h: Tensor) -> Tensor:
        """The structure generator: where each pixel's links come from.

        Args:
            to_flow: Fx * x, the second term of `project`, of one step; None without input.
            h: the last state.

        Returns:
            (batch, link, 2, y, x) pixels; component 0 along x, 1 along y. Link l looks at p - flow[l, p].
        """
        hidden = self.state_to_flow(h)
        if to_flow is not None:
            hidden = hidden + to_flow
        flow: Tensor = self.flow(functional.leaky_relu(hidden, negative_slope=0.2))
        return flow.reshape(flow.shape[0], self.links, 2, *flow.shape[2:])

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of the equations above."""
        (h,) = state
        to_gates, to_flow = (None, None) if projected is None else projected
        h = self.combine(to_gates, self._from_links(to_gates, to_flow, h), h, self.activation)
        return h, (h,)

    def _from_links(self, to_gates: Tensor | None, to_flow: Tensor | None, h: Tensor) -> Tensor:
        """sum_l Rl wl + d: (batch, 3 channels, y, x). Nothing is brought from a blank state, wherever the links point."""
        convolution = self.state_convolution
        if not isinstance(convolution, nn.Conv2d):  # wrapped by a normaliser, which needs the products alone
            wrapped: Tensor = convolution(warp_links(h, self.flows(to_flow, h)).flatten(1, 2))
            return wrapped
        assert convolution.bias is not None  # it was built with one
        if to_gates is not None and is_blank(h):
            return convolution.bias.to(to_gates.dtype)[:, None, None].expand_as(to_gates)
        return linked_product(h, self.flows(to_flow, h), convolution.weight, convolution.bias)
