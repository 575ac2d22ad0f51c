"""First weights from a trained network, of the same kind or a shallower one."""

from pathlib import Path

import torch
from torch import nn

from stormcell.errors import TrainingError
from stormcell.networks.checkpoint import load_checkpoint

__all__ = ["take_weights"]


@torch.no_grad()
def take_weights(network: nn.Module, folder: str | Path) -> float:
    """Copy every weight that has the name and the shape of one in a checkpoint; the others keep what they were drawn as.

    From the same network all are taken: training goes on on other data. From a shallower one the layers that both have are taken, so
    that a deep network need not learn from nothing: the review's remedy where samples are few.

    Args:
        network: changed in place.
        folder: a model folder.

    Returns:
        The share of the weights that were taken.

    Raises:
        ReadError: there is no such model.
        TrainingError: no weight fits.
    """
    theirs, config = load_checkpoint(folder)
    given, own = theirs.state_dict(), network.state_dict()
    fitting = [name for name, weight in own.items() if name in given and given[name].shape == weight.shape]
    if not fitting:
        raise TrainingError(f"training.start_from: {folder} is a {config.network} of which no weight fits this network; leave it out")
    for name in fitting:
        own[name].copy_(given[name])
    taken: float = sum(own[name].numel() for name in fitting) / sum(weight.numel() for weight in own.values())
    return taken
