"""The last things to learn, once the weights are learnt: where to say an event, and what to draw members from."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from stormcell.networks.checkpoint import load_checkpoint, save_checkpoint
from stormcell.training.decisions import best_decisions, counted
from stormcell.training.guided_module import GuidedModule
from stormcell.training.member_shift import Reached

__all__ = ["settle"]


def settle(folder: Path, module: GuidedModule, batches: Iterable[Tensor], *, title: str) -> None:
    """Find the decisions and the member shift of the weights in a model folder, and write the folder anew with them.

    Args:
        folder: of the best weights.
        module: whose network takes them.
        batches: see `counted`.
        title: heading of the model card.
    """
    best, config = load_checkpoint(folder)
    module.network.load_state_dict(best.state_dict())
    module.network.eval()
    reached = Reached(module.guided.rates)
    probabilities = best_decisions(counted(module, batches, watch=reached.add))
    module.guided.decisions.copy_(torch.logit(torch.from_numpy(probabilities)))
    module.guided.member_shift.copy_(torch.from_numpy(reached.shift()))
    save_checkpoint(folder, module.network, config, title=title)
