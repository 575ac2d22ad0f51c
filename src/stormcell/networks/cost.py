"""What a network or cell costs before it is ever run: parameters, operations, and the memory that training keeps.

Everything is found on torch's meta device, where tensors have shapes and no values, so even the largest network takes a moment.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["Cost", "cost_of"]


class Cost(NamedTuple):
    """Costs of one sequence.

    Attributes:
        parameters: how many numbers training changes.
        flops: floating-point operations of a forward pass, a multiplication and an addition being two; convolutions and matrix
            products are counted, what is done element by element is not.
        training_bytes: what a forward pass keeps for the backward one, in float32, beside the weights.
    """

    parameters: int
    flops: int
    training_bytes: int


def cost_of(build: Callable[[], nn.Module], run: Callable[[nn.Module], Tensor]) -> Cost:
    """Build a module and run it, both on the meta device, and count.

    Args:
        build: makes the module.
        run: makes its inputs (on the default device, which is meta while it runs) and calls it.
    """
    kept: dict[int, int] = {}
    held: list[Tensor] = []  # so that no storage is freed and its number given to another

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        held.append(tensor)
        return tensor

    with torch.device("meta"):
        module = build()
        weights = {weight.untyped_storage()._cdata for weight in module.parameters()}
        with FlopCounterMode(display=False) as counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            output = run(module)
    training = sum(size for storage, size in kept.items() if storage not in weights)
    del output
    return Cost(sum(weight.numel() for weight in module.parameters()), counter.get_total_flops(), training)
