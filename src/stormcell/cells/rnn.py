"""The simple recurrent network."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Projected, State
from stormcell.cells.gates import Gates
from stormcell.cells.normalization import Normalise, tick

__all__ = ["RNN"]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "relu": torch.relu}


class RNN(nn.Module):
    """A cell that remembers by feeding its output back to itself.

        h' = f(W_x x + W_h h + b)

    Its gradient over n steps holds the n-th power of W_h: it vanishes or explodes, which `LSTM` and `GRU` were made to mend.

    State: (h,), (batch, units). The output is h'.

    Args:
        inputs: channels of the input; None or 0 for a layer without input.
        units: channels of the state.
        activation: f.
        normalise: N of N(W_x x) + N(W_h h) + b, see `normalization`.

    Raises:
        ValueError: an activation or a size that does not exist.

    Source:
        Elman (1990), doi:10.1207/s15516709cog1402_1; the review's equation 5.
    """

    def __init__(
        self, inputs: int | None, units: int, *, activation: Literal["tanh", "relu"] = "tanh", normalise: Normalise | None = None
    ) -> None:
        super().__init__()
        if activation not in _ACTIVATIONS:
            raise ValueError(f"RNN: expected activation {' or '.join(_ACTIVATIONS)}, got {activation!r}")
        self.units, self.activation = units, activation
        self.gates = Gates(inputs, units, 1, normalise)

    def project(self, inputs: Tensor) -> Projected:
        """W_x x + b of all gates, (time, batch, gates * units); without b if it is to be normalised."""
        return self.gates.project(inputs)

    def initial_state(self, like: Tensor) -> State:
        """Zeros."""
        return like.new_zeros(like.shape[0], self.units), *self.gates.counter(like)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of the equations above."""
        h, *counter = state
        h = _ACTIVATIONS[self.activation](self.gates(projected, h, tuple(counter)))
        return h, (h, *tick(tuple(counter)))
