"""Convolutional tensor-train LSTM: a ConvLSTM that sees several past states through a chain of small kernels."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Projected, State
from stormcell.cells.convolution import over_time, same_size, zero_state
from stormcell.cells.lstm_gates import lstm_gates

__all__ = ["ConvTTLSTM"]


class ConvTTLSTM(nn.Module):
    """An LSTM of higher order: the last states together make the gates, by a tensor train of convolutions.

    wl = sum_j Plj * h(t - steps + start(l) + j) + pl          l = 1..order, the oldest window first; Plj: channels -> rank
    v1 = w1,  vl = wl + K(l-1) * v(l-1) + k(l-1)               K: rank -> rank
    (i, f, g, o) = Wx * x + K(order) * v(order) + b            K(order): rank -> 4 channels
    c = sig(f) . c- + sig(i) . tanh(g),  h = sig(o) . tanh(c)

    A full kernel over `order` states would grow with the power of the order; the chain grows linearly, and a late core reaches
    over `order` times the kernel. No peepholes.

    A past state is kept as its products with all Plj, each of which it needs at some age: one convolution when it is new, no
    further one while it ages.

    Args:
        inputs: channels of the input; None or 0 for a layer without input.
        channels: channels of the states and the output.
        kernel: side of all kernels [pixels], odd.
        order: cores in the chain.
        steps: past states that are seen, `order` or more.
        rank: channels between the cores.
        window: "sliding": core l sees steps - order + 1 states, each core from one step later on (start(l) = l - 1);
            "fixed": every core sees all of them (start(l) = 0).

    Shapes:
        input (batch, inputs, y, x); output h (batch, channels, y, x); state: h, the products of the steps - 1 states before it
        (batch, order * states a core sees * rank, y, x), the oldest first, and c like h.

    Raises:
        ValueError: numbers that do not fit together.

    Source:
        Su et al. (2020), arXiv:2002.09131. First weights: Xavier-uniform, zero biases. Departure: gates in torch's order, and the
        last core's kernel over (x, v) is kept as two, drawn as one.
    """

    def __init__(
        self,
        inputs: int | None,
        channels: int,
        kernel: int = 5,
        order: int = 3,
        steps: int = 3,
        rank: int = 8,
        window: Literal["sliding", "fixed"] = "sliding",
    ) -> None:
        super().__init__()
        if not 1 <= order <= steps:
            raise ValueError(f"ConvTTLSTM: expected an order of one or more and as many steps or more, got order {order}, steps {steps}")
        if window not in ("sliding", "fixed"):
            raise ValueError(f"ConvTTLSTM: expected window 'sliding' or 'fixed', got {window!r}")
        self.combine = lstm_gates  # `compile_gates` puts a compiled one here
        self.channels, self.order, self.steps, self.rank = channels, order, steps, rank
        self.seen = steps if window == "fixed" else steps - order + 1
        self.starts = tuple(0 if window == "fixed" else core for core in range(order))
        self.input_convolution = same_size(inputs, 4 * channels, kernel, bias=False) if inputs else None
        self.windows = same_size(channels, order * self.seen * rank, kernel, bias=False)
        self.window_biases = nn.Parameter(torch.empty(order, rank))
        self.cores = nn.ModuleList(same_size(rank, rank, kernel) for _ in range(order - 1))
        self.last_core = same_size(rank, 4 * channels, kernel)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights."""
        area = math.prod(self.windows.kernel_size)
        inputs = 0 if self.input_convolution is None else self.input_convolution.in_channels
        _uniform(self.windows, area * (self.seen * self.channels + self.seen * self.rank))  # the kernel of one core over all its lags
        nn.init.zeros_(self.window_biases)
        for core in self.cores:
            assert isinstance(core, nn.Conv2d)
            _uniform(core, area * 2 * self.rank)
        for part in (self.input_convolution, self.last_core):
            if part is not None:
                _uniform(part, area * (inputs + self.rank + 4 * self.channels))

    def project(self, inputs: Tensor) -> Projected:
        """Wx * x of the four gates: (time, batch, 4 channels, y, x)."""
        if self.input_convolution is None:
            raise ValueError("ConvTTLSTM: this layer was built without input; run it with inputs=None")
        return (over_time(self.input_convolution, inputs),)

    def initial_state(self, like: Tensor) -> State:
        """h, the states before it and c of zero."""
        h, c = zero_state(like, self.channels), zero_state(like, self.channels)
        return h, *(zero_state(like, self.order * self.seen * self.rank) for _ in range(self.steps - 1)), c

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of the equations above."""
        h, *older, c = state
        products = [*older, self.windows(h)]
        v = self._window(0, products)
        for core, convolution in enumerate(self.cores, start=1):
            v = self._window(core, products) + convolution(v)
        h, c = self.combine(None if projected is None else projected[0], self.last_core(v), c)
        return h, (h, *products[1:], c)

    def _window(self, core: int, products: list[Tensor]) -> Tensor:
        """wl: what one core sees of the past states."""
        total = self.window_biases[core][:, None, None]
        for lag in range(self.seen):
            first = (core * self.seen + lag) * self.rank
            total = total + products[self.starts[core] + lag][:, first : first + self.rank]
        return total


def _uniform(layer: nn.Conv2d, fans: int) -> None:
    """Xavier-uniform with this sum of fans; zero bias."""
    bound = math.sqrt(6 / fans)
    nn.init.uniform_(layer.weight, -bound, bound)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
