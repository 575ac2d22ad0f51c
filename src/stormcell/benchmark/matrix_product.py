"""The matrix product of this machine, which what networks do is held against."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["GFLOP", "matrix_products"]

_SIDE = 2048
GFLOP = 2e-9 * _SIDE**3
"""Billions of operations in one product."""


def matrix_products(dtype: torch.dtype = torch.float32) -> list[Callable[[], Tensor]]:
    """Torch's two ways to ask for one, of which the quicker counts.

    On some processors the library behind `a @ b` is slower in float32 than the one behind 1x1 convolutions.
    """
    a = torch.randn(_SIDE, _SIDE).to(dtype)
    image, kernel = a.reshape(1, _SIDE, 32, _SIDE // 32), a[:, :, None, None]
    return [lambda: torch.matmul(a, a), lambda: functional.conv2d(image, kernel)]
