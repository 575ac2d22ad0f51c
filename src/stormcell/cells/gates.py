"""The two matrix products that every gated cell begins with, normalised on request."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from stormcell.cells.cell import Projected, State
from stormcell.cells.normalization import Normalise, Normaliser

__all__ = ["Gates"]


class Gates(nn.Module):
    """N(W_x x) + b and N(W_h h), for all gates of a cell at once; the gates lie one after the other along the rows.

    Without a normaliser N is the identity, and b joins the inputs' product in one batch over all steps. With one, `project` gives
    the bare W_x x and N comes in the step: statistics kept for each step need to know which step it is.

    Weights begin uniform in +-1/sqrt(units), as in torch.nn, biases at 0.

    Args:
        inputs: channels of the input; None or 0 for a layer without input.
        units: channels of the state.
        gates: how many gates.
        normalise: makes the two normalisers; None for none.

    Raises:
        ValueError: a size is not positive.
    """

    input_weight: nn.Parameter | None
    input_normaliser: Normaliser | None
    state_normaliser: Normaliser | None

    def __init__(self, inputs: int | None, units: int, gates: int, normalise: Normalise | None = None) -> None:
        super().__init__()
        if (inputs or 0) < 0 or units < 1:
            raise ValueError(f"a cell needs inputs of 0 or more and units of 1 or more, got inputs={inputs}, units={units}")
        bound = 1.0 / math.sqrt(units)
        self.input_weight = nn.Parameter(torch.empty(gates * units, inputs).uniform_(-bound, bound)) if inputs else None
        self.state_weight = nn.Parameter(torch.empty(gates * units, units).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(gates * units))
        self.input_normaliser = normalise(self.input_weight, gates) if normalise and self.input_weight is not None else None
        self.state_normaliser = normalise(self.state_weight, gates) if normalise else None

    def project(self, inputs: Tensor) -> Projected:
        """(time, batch, inputs) to (time, batch, gates * units): all steps in one product."""
        weight = self.input_weight
        if weight is None:
            raise ValueError("this cell was built without input; run it with inputs=None")
        return (functional.linear(inputs, weight, None if self.input_normaliser else self.bias),)

    def counter(self, like: Tensor) -> State:
        """What the state carries beside the cell's own parts: the steps made, (batch,), if the statistics need them; else nothing."""
        if self.state_normaliser is None or not self.state_normaliser.counts_steps:
            return ()
        return (torch.zeros(like.shape[0], dtype=torch.int64, device=like.device),)

    def of_input(self, projected: Projected | None, counter: State) -> Tensor:
        """N(W_x x) + b, (batch, gates * units); without input b alone, (gates * units,)."""
        if projected is None:
            return self.bias
        if self.input_normaliser is None:
            return projected[0]
        weight = self.input_weight
        assert weight is not None  # a normaliser has one
        return self.input_normaliser(projected[0], weight, *counter) + self.bias

    def of_state(self, h: Tensor, counter: State) -> Tensor:
        """N(W_h h), (batch, gates * units)."""
        weight = self.state_weight
        product = functional.linear(h, weight)
        return product if self.state_normaliser is None else self.state_normaliser(product, weight, *counter)

    def forward(self, projected: Projected | None, h: Tensor, counter: State = ()) -> Tensor:
        """N(W_x x) + N(W_h h) + b, (batch, gates * units)."""
        if self.state_normaliser is None:
            return torch.addmm(self.of_input(projected, counter), h, self.state_weight.t())
        return self.of_input(projected, counter) + self.of_state(h, counter)
