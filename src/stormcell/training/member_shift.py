"""By how much the chances of a guided network are too low or too high on the days of training: what members are drawn with instead."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stormcell.training.decisions import outcomes_by_probability
from stormcell.training.guided_module import GuidedWindow

__all__ = ["Reached"]

Numbers = NDArray[np.float64]

_MOST = 1.0  # of a shift
_FEWEST = 1200  # places where a level is reached, over all lead times; of fewer nothing can be learnt
_SURE, _BIN = 16.0, 0.05  # logits are counted from -16 to 16
_LIMITS = np.arange(-_SURE, _SURE + _BIN / 2, _BIN)
_MIDDLES = np.append(_LIMITS, _SURE + _BIN) - _BIN / 2
_ROUNDS = 40  # of halving the interval


class Reached:
    """How often each level was reached, and with which logits z it was forecast.

    An ensemble's spread is the width of the distributions that its members are drawn from. Trained on rain of many kinds, with dropout, and
    averaged with other weights, a network says heavy rain too seldom even on the days it learnt from, and members are too much alike. So
    they are drawn from logits z + b_l, b_l being what makes the mean chance of a level l the frequency of it:

        sum of sigma(z + b_l) over all places = number of places with R >= L_l

    It is one number for each level and all lead times, held to +-1. A level that is reached in fewer than 1,200 places takes the shift of
    the level below it.

    Args:
        rates: the levels L [mm h-1], rising.
    """

    def __init__(self, rates: Sequence[float]) -> None:
        self._rates = tuple(rates)
        self._counts = np.zeros((len(self._rates), 2, _MIDDLES.size))  # without and with an event

    def add(self, logits: Tensor, window: GuidedWindow) -> None:
        """Count.

        Args:
            logits: (batch, step, level, y, x).
            window: what they are of.
        """
        limits = torch.from_numpy(_LIMITS).float()
        self._counts += outcomes_by_probability(logits.cummin(dim=2).values, window, self._rates, limits=limits).sum(axis=0)

    def shift(self) -> Numbers:
        """(level,): b."""
        forecast, reached = self._counts.sum(axis=1), self._counts[:, 1].sum(axis=-1)
        low, high = np.full(len(self._rates), -_MOST), np.full(len(self._rates), _MOST)
        for _ in range(_ROUNDS):
            middle = (low + high) / 2
            expected = (forecast / (1 + np.exp(-_MIDDLES - middle[:, None]))).sum(axis=1)
            too_low = expected < reached
            low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
        found: Numbers = (low + high) / 2
        for level, events in enumerate(reached):
            if events < _FEWEST:
                found[level] = found[level - 1] if level else 0.0
        return found
