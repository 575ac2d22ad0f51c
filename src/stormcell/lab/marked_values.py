"""Toy sequences in which a value that is marked has to be kept: a memory that is asked now and then, and a sum of two."""

import torch
from torch import Tensor

__all__ = ["added", "latched"]


def latched(batch: int, length: int, chance: torch.Generator, *, marks: float = 0.12, asks: float = 0.2) -> tuple[Tensor, Tensor]:
    """A value comes at every step; the last one that was marked has to be said when it is asked for, and nothing otherwise.

    The first value is marked, so there is always something to say. Marks and asks never come together.

    Args:
        batch: how many sequences.
        length: steps of each.
        chance: of values, marks and asks.
        marks, asks: how often they come.

    Returns:
        Inputs (batch, length, 3): value, uniform in +-1; mark, 0 or 1; ask, 0 or 1. Answers (batch, length): the value, or 0 where
        none is asked for.
    """
    values = 2.0 * torch.rand(batch, length, generator=chance) - 1.0
    marked = torch.rand(batch, length, generator=chance) < marks
    marked[:, 0] = True
    asked = (torch.rand(batch, length, generator=chance) < asks) & ~marked
    steps = torch.arange(length).expand(batch, -1)
    last = torch.where(marked, steps, 0).cummax(dim=1).values
    return torch.stack((values, marked.float(), asked.float()), dim=2), values.gather(1, last) * asked


def added(batch: int, length: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """The adding problem: two of the values are marked, one in each half; the answer, at the end, is their sum.

    Args:
        batch: how many sequences.
        length: steps of each, 2 or more.
        chance: of values and marks.

    Returns:
        Inputs (batch, length, 2): value, uniform in 0 to 1; mark, 0 or 1. Answers (batch,), of variance 1/6 around 1.

    Source:
        Hochreiter & Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735.
    """
    values = torch.rand(batch, length, generator=chance)
    half = length // 2
    places = torch.stack((torch.randint(half, (batch,), generator=chance), torch.randint(half, length, (batch,), generator=chance)), dim=1)
    marks = torch.zeros(batch, length).scatter_(1, places, 1.0)
    return torch.stack((values, marks), dim=2), (values * marks).sum(1)
