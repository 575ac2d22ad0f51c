"""How fast to learn: schedules of the learning rate, and the test that finds where to begin."""

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from stormcell.errors import TrainingError

__all__ = ["SCHEDULES", "RangeTest", "Schedule", "constant", "cosine", "range_test", "step_decay"]

_SMOOTHING = 0.9  # how much of the mean of earlier losses is kept at each step
_FEWEST = 10  # steps from which a range can be told
_NO_FALL = 1e-9  # of the loss; what rounding makes


class Schedule(Protocol):
    """The learning rate at a step as a factor of the one that was set; settings are keywords."""

    def __call__(self, step: int, total: int) -> float:
        """The factor at `step` (0, 1, ...) out of `total` steps; what comes after the last is as the last."""
        ...


def constant(step: int, total: int) -> float:
    """Always 1."""
    return 1.0


def cosine(step: int, total: int, *, warm_up: int = 0, floor: float = 0.0) -> float:
    """A straight rise over the first `warm_up` steps, then half a cosine wave from 1 down to `floor` at the last step.

        (step + 1) / (warm_up + 1),   then   floor + (1 - floor) (1 + cos(pi s)) / 2,   s = 0 to 1 from `warm_up` to the last step

    Source:
        Loshchilov & Hutter (2017), arXiv:1608.03983, without restarts; Goyal et al. (2017), arXiv:1706.02677, for the warm-up.
    """
    if step < warm_up:
        return (step + 1) / (warm_up + 1)
    done = min((step - warm_up) / max(total - 1 - warm_up, 1), 1.0)
    return floor + (1.0 - floor) * (1.0 + math.cos(math.pi * done)) / 2.0


def step_decay(step: int, total: int, *, factor: float = 0.7, every: int = 20_000, floor: float = 0.01) -> float:
    """Times `factor` every so many steps, never below `floor`; as it stands, HKO-7's (1e-4 down to 1e-6).

    Source:
        Shi et al. (2017), arXiv:1706.03458, as their published code has it.
    """
    return max(factor ** (step // every), floor)


SCHEDULES: dict[str, Callable[..., float]] = {"constant": constant, "cosine": cosine, "step-decay": step_decay}


class RangeTest(NamedTuple):
    """What a range test found.

    Attributes:
        rates: the learning rates that were tried.
        losses: the loss at each.
        smoothed: their running mean.
        suggested: the rate at which the running mean falls most steeply: a good one, or a good peak for `cosine`.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggested: float


def range_test(
    step: Callable[[float], float], *, lowest: float = 1e-6, highest: float = 1.0, steps: int = 100, diverged: float = 4.0
) -> RangeTest:
    """Learn at a rate that grows by the same factor at each step, and see where the loss falls most steeply.

    The running mean is exponential (0.9) and freed of its bias towards the start; steepness is by the logarithm of the rate. The test
    ends early when the mean has grown to `diverged` times its smallest value, or the loss is no number. It changes the network: put
    back its first weights afterwards.

    Args:
        step: makes one step of the optimiser at the rate that it is given and returns the loss before it.
        lowest: rate of the first step.
        highest: rate of the last step.
        steps: how many.
        diverged: how many times the smallest loss is too much.

    Returns:
        What was tried and found.

    Raises:
        TrainingError: the range is none, or the loss fell nowhere in it.

    Source:
        Smith (2017), arXiv:1506.01186; the running mean as in fastai.
    """
    if not (0.0 < lowest < highest and steps >= _FEWEST):
        raise TrainingError(
            f"range test: expected 0 < lowest < highest and {_FEWEST} steps or more, got {lowest:g} to {highest:g} in {steps} steps"
        )
    rates = np.geomspace(lowest, highest, steps)
    losses: list[float] = []
    smoothed: list[float] = []
    mean = 0.0
    for number, rate in enumerate(rates, start=1):
        loss = step(float(rate))
        if not math.isfinite(loss):
            break
        mean = _SMOOTHING * mean + (1.0 - _SMOOTHING) * loss
        losses.append(loss)
        smoothed.append(mean / (1.0 - _SMOOTHING**number))
        if smoothed[-1] > diverged * min(smoothed):
            break
    return RangeTest(rates[: len(losses)], np.array(losses), np.array(smoothed), _steepest(rates[: len(losses)], np.array(smoothed)))


def _steepest(rates: NDArray[np.float64], smoothed: NDArray[np.float64]) -> float:
    """The rate where the mean falls most for a step of the logarithm, before its smallest value."""
    best = int(np.argmin(smoothed)) if len(rates) >= _FEWEST else 0
    if best and smoothed[:best].max() - smoothed[best] > _NO_FALL * abs(smoothed[best]):
        return float(rates[np.argmin(np.gradient(smoothed, np.log(rates))[: best + 1])])
    raise TrainingError(
        f"range test: the loss fell nowhere between {rates[0] if len(rates) else math.nan:g} and {rates[-1] if len(rates) else math.nan:g} "
        f"({len(rates)} steps before it grew too much); try lower rates"
    )
