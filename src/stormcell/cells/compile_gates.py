"""Gates fused by torch's compiler, where a C++ compiler is at hand."""

from functools import cache
from typing import Any

import torch
from torch import nn

__all__ = ["compile_gates"]


def compile_gates(module: nn.Module) -> nn.Module:
    """Have the operations element by element of all cells in a module compiled into one pass over memory, forward and backward.

    The convolutions stay as they are: they are no quicker compiled. What comes out is the same up to rounding. The first call compiles
    (some ten seconds, once a process for all cells of a kind; torch keeps the result on disk); other sizes do not compile again.

    Args:
        module: a cell, or a network with cells in it, changed in place: ConvLSTM, ConvTTLSTM, ConvGRU and TrajGRU take part.

    Returns:
        The module.

    Raises:
        ValueError: it has no such cell.
        torch._inductor.exc.InductorError: at the first call, without a C++ compiler.
    """
    cells = [part for part in module.modules() if callable(getattr(part, "combine", None))]
    if not cells:
        raise ValueError(f"compile_gates: {type(module).__name__} has no ConvLSTM, ConvTTLSTM, ConvGRU or TrajGRU in it")
    for cell in cells:
        cell.combine = _compiled(cell.combine)
    return module


@cache
def _compiled(function: Any) -> Any:
    return torch.compile(function, dynamic=True, fullgraph=True)
