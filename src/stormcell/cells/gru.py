"""The gated recurrent unit."""

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Projected, State
from stormcell.cells.gates import Gates
from stormcell.cells.normalization import Normalise, tick

__all__ = ["GRU"]


class GRU(nn.Module):
    """As lasting as an LSTM, with three gates' weights instead of four and no second memory.

        r  = sigmoid(W_xr x + W_hr h + b_r)                  what of the past the candidate sees
        z  = sigmoid(W_xz x + W_hz h + b_z)                  what to keep
        n  = tanh(W_xn x + b_n + r . (W_hn h + b_hn))
        h' = (1 - z) . n + z . h

    State: (h,), (batch, units). The output is h'.

    Args:
        inputs: channels of the input; None or 0 for a layer without input.
        units: channels of the state.
        normalise: N of N(W_x x), N(W_h h), see `normalization`.

    Raises:
        ValueError: a size that does not exist.

    Source:
        Cho et al. (2014), arXiv:1406.1078. Departure, as in cuDNN and torch.nn: r acts after the recurrent product, not before it.
        Gates lie in torch.nn's order r, z, n.
    """

    def __init__(self, inputs: int | None, units: int, *, normalise: Normalise | None = None) -> None:
        super().__init__()
        self.units = units
        self.gates = Gates(inputs, units, 3, normalise)
        self.candidate_bias = nn.Parameter(torch.zeros(units))

    def project(self, inputs: Tensor) -> Projected:
        """W_x x + b of all gates, (time, batch, gates * units); without b if it is to be normalised."""
        return self.gates.project(inputs)

    def initial_state(self, like: Tensor) -> State:
        """Zeros."""
        return like.new_zeros(like.shape[0], self.units), *self.gates.counter(like)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of the equations above."""
        h, *counter = state
        seen = self.gates.of_input(projected, tuple(counter))
        known = self.gates.of_state(h, tuple(counter))
        both = 2 * self.units
        r, z = torch.sigmoid(seen[..., :both] + known[:, :both]).chunk(2, dim=1)
        n = torch.tanh(seen[..., both:] + r * (known[:, both:] + self.candidate_bias))
        h = n + z * (h - n)
        return h, (h, *tick(tuple(counter)))
