"""How large the gradient is at each update of a training, before anything cuts it."""

import math
from collections.abc import Callable, Iterable

from torch import Tensor, nn

__all__ = ["GradientNorm"]


class GradientNorm:
    """A loss for `stormcell.lab.fit` that takes note of the gradient's norm at each update.

    Args:
        parameters: over which the norm goes.
        loss: from the number of the step to the loss.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], loss: Callable[[int], Tensor]) -> None:
        self.loss = loss
        self.squares: list[float] = []
        for parameter in parameters:
            parameter.register_post_accumulate_grad_hook(self._add)  # type: ignore[no-untyped-call]

    def __call__(self, step: int) -> Tensor:
        """The loss; what `backward` makes of it is the next norm."""
        self.squares.append(0.0)
        return self.loss(step)

    def norms(self) -> list[float]:
        """One for each update; infinite where the gradient is not finite."""
        return [math.sqrt(square) if math.isfinite(square) else math.inf for square in self.squares]

    def _add(self, parameter: Tensor) -> None:
        assert parameter.grad is not None  # it has just been accumulated
        self.squares[-1] += float(parameter.grad.square().sum())
