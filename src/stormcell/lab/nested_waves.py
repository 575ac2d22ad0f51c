"""A function made of functions of two numbers each: a wave of two waves, over four inputs."""

import torch
from torch import Tensor

__all__ = ["nested_waves"]


def nested_waves(networks: int, samples: int) -> tuple[Tensor, Tensor]:
    """New samples for each of several networks, from torch's own random numbers.

    y = h(h(x1, x2), h(x3, x4)), h(a, b) = sin(0.8 pi (a + b)).

    Returns:
        x (network, sample, 4), evenly spread over -1 to 1; y (network, sample, 1).
    """
    x = 2 * torch.rand(networks, samples, 4) - 1

    def wave(a: Tensor, b: Tensor) -> Tensor:
        return torch.sin(0.8 * torch.pi * (a + b))

    one, two, three, four = x.unbind(-1)
    return x, wave(wave(one, two), wave(three, four))[..., None]
