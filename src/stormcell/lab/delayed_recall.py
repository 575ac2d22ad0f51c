"""A task with one dependency at a known distance: say, at each step, the bit that came so many steps before."""

import torch
from torch import Tensor

__all__ = ["delayed_bits"]


def delayed_bits(sequences: int, length: int, lag: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random bits, and the same bits later.

    Args:
        sequences: how many.
        length: steps of each.
        lag: steps from a bit to the moment it is asked for.
        generator: of the bits.

    Returns:
        inputs (batch, time, 1) of -1 and 1; targets (batch, time - lag, 1), those that belong to the steps from `lag` on.
    """
    bits = torch.randint(0, 2, (sequences, length, 1), generator=generator).float() * 2 - 1
    return bits, bits[:, : length - lag]
