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
    """Logistic regression, with weights of its own for each lead time and level, on what moves with the rain and on what stays.

        logit P(R >= L) = [ b + sum_k w_k s_k ](X) + w_0 d(g(X)) + w_1 d(o(X)) + v_0 d(o) + sum_k v_k s_k
        d(x) = clip((x - x_L) / 0.1, -2.5, 2.5),   s_k = log((f_k + e) / (1 + e - f_k))

    with g the first guess, o the last scan, f_k the share of what was seen within a square around a place that is at or above L, e = 0.02.
    X is where the rain of that lead time was at the last scan; what is not taken there is taken at the place itself. Rain that hills call
    up, or that a radar sees where there is none, stays where it is, and so does what the motion is wrong about.

    Args:
        levels: x of each level.
        steps: lead times.
        squares: how many sides of squares there are.
    """

    levels: Tensor

    def __init__(self, levels: Sequence[float], steps: int, squares: int) -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        weight = torch.zeros(steps, len(levels), 2 + squares)
        weight[..., 0] = 1.0
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.full((steps, len(levels)), -1.0))
        self.staying = nn.Parameter(torch.zeros(steps, len(levels), 1 + squares))

    def forward(self, guess: Tensor, carried: Tensor, last: Tensor) -> Tensor:
        """What single pixels add: w_0 d(g(X)) + w_1 d(o(X)) + v_0 d(o).

        Args:
            guess: x (batch, step, y, x) of g(X).
            carried: x of o(X), same shape.
            last: x of o (batch, y, x).

        Returns:
            (batch, step, level, y, x).
        """
        own, levels = self.own(guess.shape[1])[..., None, None], self.levels[:, None, None]
        logits = own[:, :, 0] * nearness(guess[:, :, None], levels)
        logits = torch.addcmul(logits, own[:, :, 1], nearness(carried[:, :, None], levels))
        return torch.addcmul(logits, own[:, :, 2], nearness(last[:, None], levels)[:, None])

    def moving(self, surroundings: Tensor, steps: int) -> Tensor:
        """b + sum w_k s_k, (batch, step, level, y, x) at the places of the last scan, of `log_odds`."""
        step = self._steps(steps)
        return torch.einsum("bflyx,slf->bslyx", surroundings, self.weight[step][..., 2:]) + self.bias[step][None, :, :, None, None]

    def still(self, surroundings: Tensor, steps: int) -> Tensor:
        """sum v_k s_k, (batch, step, level, y, x), of `log_odds`."""
        return torch.einsum("bflyx,slf->bslyx", surroundings, self.around(steps))

    def log_odds(self, last: Tensor, seen: Tensor, sides: Sequence[int]) -> Tensor:
        """s_k, (batch, square, level, y, x).

        Args:
            last: x of the last scan (batch, y, x), 0 where it was not seen.
            seen: bool, same shape.
            sides: of the squares [pixels], odd.
        """
        shares = neighbourhood((last[:, None] >= self.levels[:, None, None] - 1e-4) & seen[:, None], seen[:, None], sides)
        return torch.log((shares + _SLACK) / (1 + _SLACK - shares))

    def own(self, steps: int) -> Tensor:
        """w_0, w_1 and v_0, (step, level, 3)."""
        step = self._steps(steps)
        return torch.cat((self.weight[step][..., :2], self.staying[step][..., :1]), dim=-1)

    def around(self, steps: int) -> Tensor:
        """v_k, (step, level, square)."""
        return self.staying[self._steps(steps)][..., 1:]

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
