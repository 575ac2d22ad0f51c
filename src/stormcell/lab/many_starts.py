"""Networks of one shape that begin at different random weights and learn side by side, each as if it were alone."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from stormcell.networks.feedforward import MLP

__all__ = ["side_by_side"]


def side_by_side(networks: Sequence[MLP]) -> tuple[dict[str, nn.Parameter], Callable[[Tensor], Tensor]]:
    """The weights of all networks in one piece, and their answers.

    The gradient of a sum of losses is, for the weights of each network, that of its own loss, and Adam takes every number by itself.
    So each network learns what it would learn alone, for little more than the time of one.

    Args:
        networks: of one shape; they are copied.

    Returns:
        their parameters, each (network, ...) in shape, and a function from inputs (network, sample, inputs) to answers
        (network, sample, outputs).
    """
    stacked, _ = stack_module_state(list(networks))
    parameters = {name: nn.Parameter(value.detach()) for name, value in stacked.items()}
    first = networks[0]

    def answers(inputs: Tensor) -> Tensor:
        one = torch.func.vmap(lambda weights, own: functional_call(first, weights, (own,)))
        said: Tensor = one(parameters, inputs)
        return said

    return parameters, answers
