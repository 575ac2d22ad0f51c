"""Zoneout: dropout that keeps the old state instead of setting the new one to zero."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Cell, Projected, State

__all__ = ["Zoneout"]


class Zoneout(nn.Module):
    """A cell some of whose units sleep through a step.

        training:  s' = m . s + (1 - m) . cell(s),   m ~ Bernoulli(rate), drawn anew at every step and unit
        use:       s' = rate s + (1 - rate) cell(s)

    Parts that count (integers) are never kept back. The cell's output must be a part of its state, as h is in every cell here;
    wrap the cells in a stack, not the stack.

    Args:
        cell: any such cell.
        rate: share of the units that sleep, 0 to below 1; a sequence gives one rate for each floating-point part of the state, such as
            (0.05, 0.5) for h and c.

    Raises:
        ValueError: a rate outside 0 to 1; at the first step, a number of rates that is not the state's.

    Source:
        Krueger et al. (2017), arXiv:1606.01305.
    """

    def __init__(self, cell: Cell, rate: float | Sequence[float]) -> None:
        super().__init__()
        self.rates = (float(rate),) if isinstance(rate, (int, float)) else tuple(rate)
        self.one_for_all = isinstance(rate, (int, float))
        if not self.rates or not all(0.0 <= each < 1.0 for each in self.rates):
            raise ValueError(f"Zoneout: expected rates from 0 to below 1, got {rate}")
        self.cell = cast(nn.Module, cell)

    def project(self, inputs: Tensor) -> Projected:
        """The cell's own terms."""
        return self._inner.project(inputs)

    def initial_state(self, like: Tensor) -> State:
        """The cell's own."""
        return self._inner.initial_state(like)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of the cell, then some of it is kept back."""
        output, new = self._inner.step(projected, state)
        where = next(number for number, part in enumerate(new) if part is output)
        floating = sum(part.is_floating_point() for part in new)
        rates = self.rates * floating if self.one_for_all else self.rates
        if len(rates) != floating:
            raise ValueError(f"Zoneout: {len(rates)} rates for a state of {floating} parts")
        kept = iter(rates)
        mixed = tuple(
            self._mix(next(kept), before, after) if after.is_floating_point() else after for before, after in zip(state, new, strict=True)
        )
        return mixed[where], mixed

    def _mix(self, rate: float, before: Tensor, after: Tensor) -> Tensor:
        if self.training:
            return torch.where(torch.rand_like(after) < rate, before, after)
        return rate * before + (1.0 - rate) * after

    @property
    def _inner(self) -> Cell:
        return cast(Cell, self.cell)
