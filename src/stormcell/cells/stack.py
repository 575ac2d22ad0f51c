"""Cells on top of each other, as one cell."""

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from stormcell.cells.cell import Cell, Projected, State

__all__ = ["Stack"]


class Stack(nn.Module):
    """A deep recurrent network: each layer's output at a step is the next layer's input at the same step.

        h'_1 = cell_1(x, h_1),   h'_l = cell_l(h'_(l-1), h_l)

    It is a cell like any other, for vectors or images, and stacks nest. Only the first layer's inputs are known ahead of time, so
    only they are projected in one batch; `fused.unroll_fused` runs layer after layer instead, where it can.

    State: the layers' states, one after the other. The output is the last layer's.

    Args:
        cells: from the bottom up.
        dropout: share of the values between two layers that are set to 0 in training, drawn anew at every step (torch.nn's way);
            neither the inputs nor the outputs of the stack are touched.

    Raises:
        ValueError: no cells, or a share outside 0 to 1.

    Source:
        The review's equation 6; Zaremba et al. (2014), arXiv:1409.2329, for dropout between layers only.
    """

    def __init__(self, cells: Sequence[Cell], *, dropout: float = 0.0) -> None:
        super().__init__()
        if not cells:
            raise ValueError("Stack: expected one cell or more, got none")
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"Stack: expected dropout from 0 to below 1, got {dropout}")
        self.cells = nn.ModuleList(cast(Sequence[nn.Module], cells))
        self.dropout = dropout
        anything = torch.empty(1, 1, 1, 1, device="meta")
        self.parts = tuple(len(cell.initial_state(anything)) for cell in cells)

    def project(self, inputs: Tensor) -> Projected:
        """The first layer's terms."""
        return next(self.layers()).project(inputs)

    def initial_state(self, like: Tensor) -> State:
        """Every layer's, from the bottom up."""
        return tuple(part for cell in self.layers() for part in cell.initial_state(like))

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of every layer, from the bottom up."""
        bottom, *above = zip(self.layers(), self.split(state), strict=True)
        output, after = bottom[0].step(projected, bottom[1])
        for cell, before in above:
            below = functional.dropout(output, self.dropout, self.training)
            output, new = cell.step(tuple(term[0] for term in cell.project(below[None])), before)
            after = (*after, *new)
        return output, after

    def layers(self) -> Iterator[Cell]:
        """The cells, from the bottom up."""
        return (cast(Cell, cell) for cell in self.cells)

    def split(self, state: State) -> list[State]:
        """Each layer's part of the state."""
        ends = [sum(self.parts[: number + 1]) for number in range(len(self.parts))]
        if len(state) != ends[-1]:
            raise ValueError(f"Stack: expected a state of {ends[-1]} parts, {self.parts} for its layers, got {len(state)}")
        return [state[end - count : end] for end, count in zip(ends, self.parts, strict=True)]
