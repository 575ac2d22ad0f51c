"""Outcomes counted while a network trains; the scores for people are in `stormcell.verification`."""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["THRESHOLDS", "csi", "outcomes"]

THRESHOLDS = (0.5, 2.0, 5.0, 10.0)
"""Rain rates that count as events [mm h-1]."""


def outcomes(forecast: Tensor, observed: Tensor, valid: Tensor, levels: Sequence[float]) -> Tensor:
    """Hits, misses and false alarms, (level, lead time, 3); an event is at or above the level, in both.

    Args:
        forecast: (batch, time, channel, y, x).
        observed: same shape.
        valid: bool, same shape: what counts.
        levels: thresholds on the scale of the two.
    """
    counts = []
    for level in levels:
        said, seen = (forecast >= level) & valid, (observed >= level) & valid
        kinds = (said & seen, ~said & seen, said & ~seen)
        counts.append(torch.stack([kind.sum(dim=(0, 2, 3, 4)) for kind in kinds], dim=1))
    return torch.stack(counts)


def csi(counts: Tensor) -> Tensor:
    """Critical success index at each level, the mean over lead times: (level,); lead times without an event do not count."""
    hits = counts[..., 0].double()
    return (hits / counts.sum(-1)).nanmean(-1)
