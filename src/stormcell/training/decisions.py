"""From which probability on an event is best said: found on training windows, kept with the weights."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stormcell.training.guided_module import GuidedModule, GuidedWindow

__all__ = ["CANDIDATES", "GROUP", "MOST", "best_decisions", "counted", "outcomes_by_probability"]

Numbers = NDArray[np.float64]

CANDIDATES = tuple(float(p) for p in np.round(np.concatenate((np.arange(0.01, 0.1, 0.01), np.arange(0.1, 0.601, 0.02))), 3))
"""Probabilities that are tried."""

MOST = 1.2
"""How often an event may be said, over how often it comes."""

GROUP = 3
"""Lead times that share one decision: more events for each."""

_LIMITS = torch.logit(torch.tensor(CANDIDATES))
_FEWEST = 200  # events in a group; of fewer nothing can be learnt


@torch.inference_mode()
def counted(module: GuidedModule, batches: Iterable[Tensor], *, watch: Callable[[Tensor, GuidedWindow], None] = lambda *_: None) -> Numbers:
    """How often each level was exceeded, or not, with each probability that the network gave.

    Args:
        module: with its network.
        batches: (batch, time, 1, y, x), see `Layout`.
        watch: is shown the logits (batch, step, level, y, x) of each batch and the window they are of.

    Returns:
        As `outcomes_by_probability`, of all batches together.
    """
    total: Numbers | None = None
    for batch in batches:
        window = module.window_of(batch)
        logits = module.logits_of(window)
        watch(logits, window)
        counts = outcomes_by_probability(logits, window, module.guided.rates)
        total = counts if total is None else total + counts
    if total is None:
        raise ValueError("counted: expected one batch or more")
    return total


def outcomes_by_probability(logits: Tensor, window: GuidedWindow, rates: Sequence[float], *, limits: Tensor = _LIMITS) -> Numbers:
    """What came of each probability.

    Args:
        logits: (batch, step, level, y, x).
        window: what they are of.
        rates: the levels [mm h-1].
        limits: logits between bins, rising; those of `CANDIDATES` if left out.

    Returns:
        (step, level, 2, bin): places where the level was not reached and where it was, by how many limits the logit reaches.
    """
    steps, levels = logits.shape[1:3]
    happened = torch.stack([window.truth >= rate - 1e-3 for rate in rates], dim=2)
    bins = torch.bucketize(logits.contiguous(), limits, right=True)
    place = (torch.arange(steps)[:, None] * levels + torch.arange(levels))[None, :, :, None, None]
    number = ((place * 2 + happened) * (len(limits) + 1) + bins)[window.valid[:, :, None].expand_as(bins)]
    counts: Numbers = torch.bincount(number, minlength=steps * levels * 2 * (len(limits) + 1)).numpy().astype(np.float64)
    return counts.reshape(steps, levels, 2, -1)


def best_decisions(counts: Numbers, *, most: float | None = MOST) -> Numbers:
    """Of each step and level the probability with the highest critical success index, one for every three lead times.

        CSI(p) = hits / (hits + misses + false alarms), an event being said where the probability is p or more

    The highest CSI is had by saying an event more often than it comes, the more so the rarer it is, at little gain: so only such p are
    looked at that say it at most `most` times as often. Where a level has too few events it takes the probability of the level below.

    Args:
        counts: what `counted` gave.
        most: of what is said, events and others, over all that came; None for any.

    Returns:
        (step, level).
    """
    steps, levels = counts.shape[:2]
    best = np.full((steps, levels), np.nan)
    for first in range(0, steps, GROUP):
        group = counts[first : first + GROUP].sum(axis=0)
        said = group[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:]  # (level, 2, candidate): with this probability or more
        events = group[:, 1].sum(axis=-1)
        csi = said[:, 1] / np.maximum(events[:, None] + said[:, 0], 1)
        if most is not None:
            bold = said.sum(axis=1) > most * events[:, None]
            csi[bold & ~bold.all(axis=1, keepdims=True)] = -1.0
        for level in range(levels):
            if events[level] >= _FEWEST or level == 0:
                chosen = CANDIDATES[int(csi[level].argmax())]
            best[first : first + GROUP, level] = chosen
    return best
