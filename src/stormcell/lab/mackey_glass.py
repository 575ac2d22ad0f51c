"""The Mackey-Glass series: an equation with a delay whose solution is chaotic, a classic test of forecasts."""

import torch
from torch import Tensor

__all__ = ["mackey_glass"]


def mackey_glass(length: int, *, seed: int) -> Tensor:
    """One value a unit of time of dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x, after 500 units, as tanh(x - 1).

    By Runge and Kutta's method in steps of 0.1; between two steps the delayed value is taken as their mean.

    Args:
        length: how many values.
        seed: of the values before the start, uniform in 1.1 to 1.3; the 500 units that follow them are thrown away.

    Source:
        Mackey & Glass (1977), doi:10.1126/science.267326.
    """
    x = (1.1 + 0.2 * torch.rand(171, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).tolist()

    def slope(now: float, delayed: float) -> float:
        return 0.2 * delayed / (1.0 + delayed**10) - 0.1 * now

    for _ in range(10 * (length + 500)):
        now, first, last = x[-1], x[-171], x[-170]
        middle = (first + last) / 2
        a = slope(now, first)
        b = slope(now + 0.05 * a, middle)
        c = slope(now + 0.05 * b, middle)
        d = slope(now + 0.1 * c, last)
        x.append(now + 0.1 * (a + 2 * b + 2 * c + d) / 6)
    return torch.tanh(torch.tensor(x[-10 * length :: 10], dtype=torch.float64) - 1.0)
