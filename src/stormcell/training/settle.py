"""The last thing to learn, once the weights are learnt: where to say an event."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from stormcell.networks.checkpoint import load_checkpoint, save_checkpoint
from stormcell.training.decisions import best_decisions, counted
from stormcell.training.guided_module import GuidedModule

__all__ = ["settle"]


def settle(folder: Path, module: GuidedModule, batches: Iterable[Tensor], *, title: str) -> None:
    """Find the decisions of the weights in a model folder, and write the folder anew with them.

    Args:
        folder: of the best weights.
        module: whose network takes them.
        batches: see `counted`.
        title: heading of the model card.
    """
    best, config = load_checkpoint(folder)
    module.network.load_state_dict(best.state_dict())
    module.network.eval()
    probabilities = best_decisions(counted(module, batches))
    module.guided.decisions.copy_(torch.logit(torch.from_numpy(probabilities)))
    save_checkpoint(folder, module.network, config, title=title)
