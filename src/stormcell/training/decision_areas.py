"""How much the area of the first guess has a say in where an event begins: found on training windows, as the decisions are."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stormcell.methods.guided.decision import NEVER, area_logit
from stormcell.methods.guided.fields import monotone
from stormcell.training.decisions import FEWEST, GROUP, MOST
from stormcell.training.guided_module import GuidedModule

__all__ = ["FACTORS", "WEIGHTS", "best_areas", "outcomes_by_area"]

Numbers = NDArray[np.float64]

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""What the area of the first guess may count for in a decision; see `stormcell.methods.guided.decision`."""

FACTORS = (1.0, 1.1, 1.2, 1.3)
"""How much larger than in the first guess the area of an event may be."""


@torch.inference_mode()
def outcomes_by_area(module: GuidedModule, batches: Iterable[Tensor], decisions: Numbers) -> Numbers:
    """What came of each weight and factor that the area of the first guess may have.

    Args:
        module: with its network.
        batches: see `counted`.
        decisions: (step, level) probabilities, as `best_decisions` gave them.

    Returns:
        (step, level, weight, factor, [hits, false alarms, events]).
    """
    rates, scale = module.guided.rates, module.guided.anchor.levels.numpy()
    start = np.log(decisions / (1 - decisions))
    total = np.zeros((*decisions.shape, len(WEIGHTS), len(FACTORS), 3))
    for batch in batches:
        window = module.window_of(batch)
        logits = module.logits_of(window).numpy()
        known, valid = window.known[:, -1].numpy(), window.valid.numpy()
        for case, step in np.ndindex(*logits.shape[:2]):
            guess = window.guess[case, step].numpy()[known[case]]
            here, came = valid[case, step], window.truth[case, step].numpy()
            for level, field in enumerate(monotone(logits[case, step])):
                events, others = (np.sort(field[here & kind]) for kind in (came >= rates[level] - 1e-3, came < rates[level] - 1e-3))
                least = _least(field[known[case]], int(np.count_nonzero(guess >= scale[level] - 1e-4)), start[step, level])
                said = [kind.size - np.searchsorted(kind, least) for kind in (events, others)]
                total[step, level] += np.stack((*said, np.full(least.shape, events.size)), axis=-1)
    return total


def _least(field: NDArray[np.float32], area: int, decision: float) -> NDArray[np.float32]:
    """(weight, factor) logits from which on an event is said."""
    counts = [int(factor * area + 0.5) for factor in FACTORS]
    reached = np.array([area_logit(field, count) if count else NEVER for count in counts], np.float32)
    weights = np.array(WEIGHTS, np.float32)[:, None]
    mixed = (1 - weights) * np.float32(decision) + weights * reached
    return np.where((reached == NEVER) & (weights > 0), NEVER, mixed)


def best_areas(outcomes: Numbers, *, most: float = MOST) -> Numbers:
    """Of each level the weight and the factor with the highest critical success index, a mean over groups of three lead times.

    They are one for all lead times, as a few windows tell them apart badly. Held to `most` as `best_decisions` is. Where there are too
    few events to learn from, the area is the first guess's.

    Args:
        outcomes: see `outcomes_by_area`.
        most: of what is said, over all that came.

    Returns:
        (level, [weight, factor]).
    """
    groups = np.add.reduceat(outcomes, np.arange(0, len(outcomes), GROUP), axis=0)
    hits, alarms, events = np.moveaxis(groups, -1, 0)  # (group, level, weight, factor) each
    csi = (hits / np.maximum(events + alarms, 1)).mean(axis=0)
    hits, alarms, events = (sums.sum(axis=0) for sums in (hits, alarms, events))
    csi[(hits + alarms > most * events) & (np.array(WEIGHTS) > 0)[:, None]] = -1.0
    best = np.ones((outcomes.shape[1], 2))
    for level, of_level in enumerate(csi):
        if events[level].max() >= FEWEST:
            weight, factor = np.unravel_index(int(of_level.argmax()), of_level.shape)
            best[level] = WEIGHTS[weight], FACTORS[factor]
    return best
