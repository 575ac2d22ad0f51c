"""The last thing to learn, once the weights are learnt: where to say an event."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from stormcell.networks.checkpoint import load_checkpoint, save_checkpoint
from stormcell.training.decision_areas import best_areas, outcomes_by_area
from stormcell.training.decisions import best_decisions, counted
from stormcell.training.guided_module import GuidedModule

__all__ = ["settle"]


def settle(folder: Path, module: GuidedModule, batches: Iterable[Tensor], *, title: str) -> None:
    """Find the decisions of the weights in a model folder, and write the folder anew with them.

    What the area of the first guess counts for is learnt on days that the probabilities beside it were not found on: each half of the
    windows has the probabilities of the other half. On their own days these would look as if they needed no help.

    Args:
        folder: of the best weights.
        module: whose network takes them.
        batches: see `counted`, in order of time.
        title: heading of the model card.
    """
    best, config = load_checkpoint(folder)
    module.network.load_state_dict(best.state_dict())
    module.network.eval()
    every = list(batches)
    middle = max(len(every) // 2, 1)
    halves = (every[:middle], every[middle:] or every)
    counts = [counted(module, half) for half in halves]
    outcomes = [outcomes_by_area(module, half, best_decisions(other)) for half, other in zip(halves, reversed(counts), strict=True)]
    module.guided.decisions[..., 0] = torch.logit(torch.from_numpy(best_decisions(counts[0] + counts[1])))
    module.guided.decisions[..., 1:] = torch.from_numpy(best_areas(outcomes[0] + outcomes[1]))
    save_checkpoint(folder, module.network, config, title=title)
