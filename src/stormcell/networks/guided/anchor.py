"""Probabilities from what is known without a network: the first guess, the last scan, and how much it rains around."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Anchor", "nearness", "neighbourhood"]

_WIDTH = 0.1  # of the scale x; distances of more than 2.5 of it are as good as any
_FARTHEST = 2.5
_SLACK = 0.02  # of a share, so that its logit is finite


class Anchor(nn.Module):
    """Logistic regression, with weights of its own for each lead time and level.

        logit P(R >= L) = b + w_0 d(g) + w_1 d(o) + sum_k w_k log((f_k + e) / (1 + e - f_k))
        d(x) = clip((x - x_L) / 0.1, -2.5, 2.5)

    with g the first guess, o the last scan, f_k the share of what was seen within a square that is at or above L, e = 0.02.

    Args:
        levels: x of each level.
        steps: lead times.
        squares: how many sides of squares there are.

    Shapes:
        guess (batch, step, y, x), last and seen (batch, y, x) -> (batch, step, level, y, x)
    """

    levels: Tensor

    def __init__(self, levels: Sequence[float], steps: int, squares: int) -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        weight = torch.zeros(steps, len(levels), 2 + squares)
        weight[..., 0] = 1.0
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.full((steps, len(levels)), -1.0))

    def forward(self, guess: Tensor, last: Tensor, seen: Tensor, sides: Sequence[int]) -> Tensor:
        """Logits for the steps of the guess.

        Args:
            guess: x (batch, step, y, x).
            last: x of the last scan (batch, y, x), 0 where it was not seen.
            seen: bool, same shape.
            sides: of the squares [pixels], odd.
        """
        own, levels = self.own(guess.shape[1]), self.levels[:, None, None]
        near, newest = nearness(guess[:, :, None], levels), nearness(last[:, None], levels)
        logits = torch.addcmul(self.around(last, seen, sides, guess.shape[1]), near, own[None, :, :, 0, None, None])
        return torch.addcmul(logits, newest[:, None], own[None, :, :, 1, None, None])

    def around(self, last: Tensor, seen: Tensor, sides: Sequence[int], steps: int) -> Tensor:
        """The part that the neighbourhood makes, and b: (batch, step, level, y, x)."""
        shares = neighbourhood((last[:, None] >= self.levels[:, None, None] - 1e-4) & seen[:, None], seen[:, None], sides)
        logits = torch.log((shares + _SLACK) / (1 + _SLACK - shares))
        step = self._steps(steps)
        return torch.einsum("bflyx,slf->bslyx", logits, self.weight[step][..., 2:]) + self.bias[step][None, :, :, None, None]

    def own(self, steps: int) -> Tensor:
        """w_0 and w_1, (step, level, 2)."""
        return self.weight[self._steps(steps)][..., :2]

    def _steps(self, count: int) -> Tensor:
        """Beyond the last step that there are weights for, it stands for those after it."""
        return torch.arange(count, device=self.weight.device).clamp(max=len(self.weight) - 1)


def neighbourhood(event: Tensor, seen: Tensor, sides: Sequence[int]) -> Tensor:
    """Share of what was seen in squares around each place where there is an event; 0 where nothing was seen.

    Args:
        event: bool (batch, level, y, x), False where it was not seen.
        seen: bool (batch, 1, y, x).
        sides: of the squares [pixels], odd.

    Returns:
        (batch, square, level, y, x).
    """
    both = torch.cat((event, seen), dim=1).float()
    shares = []
    for side in sides:
        mean = _means(_means(both, side, (1, 0)), side, (0, 1))
        shares.append(mean[:, :-1] / mean[:, -1:].clamp(min=0.5 / side**2))
    return torch.stack(shares, dim=1)


def _means(x: Tensor, side: int, axes: tuple[int, int]) -> Tensor:
    kernel = (side if axes[0] else 1, side if axes[1] else 1)
    return functional.avg_pool2d(x, kernel, 1, (kernel[0] // 2, kernel[1] // 2))


def nearness(x: Tensor, level: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """d: how far above (or below) a level x is, in tenths of the scale, held to 2.5 of them.

    Args:
        x: on the scale.
        level: x of it.
        out: room for the result; memory that is taken anew for every level costs more than the numbers.
    """
    return torch.sub(x, level, out=out).div_(_WIDTH).clamp_(-_FARTHEST, _FARTHEST)
