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

    Args:
        folder: of the best weights.
        module: whose network takes them.
        batches: see `counted`; they are gone through twice.
        title: heading of the model card.
    """
    best, config = load_checkpoint(folder)
    module.network.load_state_dict(best.state_dict())
    module.network.eval()
    probabilities = best_decisions(counted(module, batches))
    areas = best_areas(outcomes_by_area(module, batches, probabilities))
    module.guided.decisions[..., 0] = torch.logit(torch.from_numpy(probabilities))
    module.guided.decisions[..., 1:] = torch.from_numpy(areas)
    save_checkpoint(folder, module.network, config, title=title)
