"""By how much the chances of a guided network are too low or too high on the days of training: what members are drawn with instead."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stormcell.training.guided_module import GuidedWindow

__all__ = ["Reached"]

Numbers = NDArray[np.float64]

_MOST = 1.0  # of a shift
_FEWEST = 1200  # places where a level is reached, over all lead times; of fewer nothing can be learnt
_SURE, _BIN = 16.0, 0.05  # logits are counted from -16 to 16
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
        self._middles = np.arange(-_SURE + _BIN / 2, _SURE, _BIN)
        self._logits = np.zeros((len(self._rates), self._middles.size))
        self._events = np.zeros(len(self._rates))

    def add(self, logits: Tensor, window: GuidedWindow) -> None:
        """Count.

        Args:
            logits: (batch, step, level, y, x).
            window: what they are of.
        """
        levels, bins = self._logits.shape
        monotone = logits.cummin(dim=2).values.clamp(-_SURE, _SURE - _BIN / 2)
        places = ((monotone + _SURE) / _BIN).long() + bins * torch.arange(levels)[:, None, None]
        counts = torch.bincount(places[window.valid[:, :, None].expand_as(places)], minlength=levels * bins)
        self._logits += counts.reshape(levels, bins).numpy()
        for level, rate in enumerate(self._rates):
            self._events[level] += int(((window.truth >= rate - 1e-3) & window.valid).sum())

    def shift(self) -> Numbers:
        """(level,): b."""
        low, high = np.full(len(self._rates), -_MOST), np.full(len(self._rates), _MOST)
        for _ in range(_ROUNDS):
            middle = (low + high) / 2
            expected = (self._logits / (1 + np.exp(-self._middles - middle[:, None]))).sum(axis=1)
            too_low = expected < self._events
            low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
        found: Numbers = (low + high) / 2
        for level, events in enumerate(self._events):
            if events < _FEWEST:
                found[level] = found[level - 1] if level else 0.0
        return found
