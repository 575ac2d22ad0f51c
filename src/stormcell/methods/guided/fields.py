"""One field of rain from how likely each rain rate is exceeded: which one depends on what it is for."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stormcell.verification.balanced import balancing_weights
from stormcell.verification.grey import grey_from_rain_rate, rain_rate_from_grey

__all__ = ["PRODUCTS", "Product", "balanced", "field_above", "grey_mean", "matched", "mean_of", "monotone", "rain_at"]

Floats = NDArray[np.float32]

Product = Literal["decision", "mean", "median", "matched", "balanced-mean", "balanced-median"]
PRODUCTS: tuple[Product, ...] = ("decision", "mean", "median", "matched", "balanced-mean", "balanced-median")

_SURE = np.float32(60.0)  # as far from 0 as a logit needs to be
_LEAST = np.float32(1e-9)  # of a probability, so that its logarithm is finite
_DRY = 0.25  # a mean grey value of less than this part of the lowest level's is dry
_TAIL = 1.5  # mean of what exceeds the highest level, in units of that level


def monotone(logits: Floats, *, in_place: bool = False) -> Floats:
    """Logits (level, ...) that never rise from level to level, heavier rain being no likelier than lighter, held to +-60."""
    held: Floats = np.clip(logits, -_SURE, _SURE, out=logits if in_place else None)
    for lighter, heavier in zip(held, held[1:], strict=False):  # eight times as quick as numpy's accumulate over the first axis
        np.minimum(lighter, heavier, out=heavier)
    return held


def field_above(margins: Floats, levels: Floats) -> Floats:
    """The rain rate up to which something holds, between levels by its margin.

        R = L_i (L_(i+1) / L_i)^(m_i / (m_i - m_(i+1))),   m_i >= 0 > m_(i+1)

    With margins m_i = logit P(R >= L_i) - logit p_i it is the field that says "at L_i or above" where that has the probability p_i or more,
    for each of the levels at once; with p = 1/2 it is the median.

    Args:
        margins: (level, ...), not rising from level to level.
        levels: (level,) [mm h-1].

    Returns:
        (...) [mm h-1]: 0 where the first margin is below 0, the highest level where none is.
    """
    result = np.zeros(margins.shape[1:], np.float32)
    wet = np.flatnonzero(margins[0] >= 0)  # a small part of most fields
    inside = margins.reshape(len(levels), -1)[:, wet]
    below = (inside >= 0).sum(axis=0) - 1
    above = np.minimum(below + 1, len(levels) - 1)
    low, high = (np.take_along_axis(inside, index[None], axis=0)[0] for index in (below, above))
    share = np.divide(low, low - high, out=np.zeros_like(low), where=(above > below) & (low > high))
    steps = np.log(levels)
    result.reshape(-1)[wet] = np.exp(steps[below] + share * (steps[above] - steps[below]))
    return result


def mean_of(logits: Floats, levels: Floats) -> Floats:
    """The mean of the distribution: the integral of P(R >= r) over r.

    Between two levels P is taken for a power of r, below the first for its value there, and rain beyond the highest level has a mean of
    1.5 of it.

    Args:
        logits: (level, ...), not rising from level to level.
        levels: (level,) [mm h-1].
    """
    exceeded = 1 / (1 + np.exp(-logits))
    total = exceeded[0] * levels[0] + exceeded[-1] * levels[-1] * np.float32(_TAIL - 1)
    for low, high, p, q in zip(levels[:-1], levels[1:], exceeded[:-1], exceeded[1:], strict=True):
        power = np.log(np.maximum(q, 1e-9) / np.maximum(p, 1e-9)) / np.log(high / low) + 1  # of the integral
        near = np.abs(power) < 1e-3
        whole = (q * high - p * low) / np.where(near, 1, power)
        total = total + np.where(near, p * low * np.log(high / low), whole)
    result: Floats = total.astype(np.float32)
    return result


def balanced(logits: Floats, levels: Floats) -> Floats:
    """Logits of the same distribution with heavy rain counted as often as `balancing_weights` say.

        Q(R >= L_i) = sum_(j >= i) w_j m_j / sum_j w_j m_j,   m_j = P(L_j <= R < L_(j+1))

    What is best for the mean or the absolute error of Q is best for an error of P that is weighted with w: `grey_mean` of it has the least
    B-MSE, its median (`field_above`) the least B-MAE.

    Args:
        logits: (level, ...), not rising from level to level.
        levels: (level,) [mm h-1].
    """
    exceeded = 1 / (1 + np.exp(-logits))
    mass = exceeded - np.concatenate((exceeded[1:], np.zeros_like(exceeded[:1])))
    mass *= balancing_weights(levels).reshape(-1, *[1] * (logits.ndim - 1))
    above = np.cumsum(mass[::-1], axis=0)[::-1]
    result: Floats = np.log(above + _LEAST) - np.log(1 - exceeded[0] + (above[0] - above) + _LEAST)
    return result


def grey_mean(logits: Floats, levels: Floats, drizzle: Floats) -> Floats:
    """The rain rate whose grey value is the mean grey value of the distribution; grey values are what B-MSE compares.

    Between two levels P is taken for linear in grey, that is in the logarithm of rain; what lies beyond the highest level has a mean of
    1.5 of it, and what lies below the lowest is `drizzle`. Less than a quarter of the lowest level's grey value is dry.

    Args:
        logits: (level, ...), not rising from level to level.
        levels: (level,) [mm h-1].
        drizzle: (...) [mm h-1], what rain there is where the lowest level is not reached.
    """
    exceeded = 1 / (1 + np.exp(-logits))
    heights = grey_from_rain_rate(np.append(levels, levels[-1] * np.float32(_TAIL)))
    total = exceeded[0] * heights[0] + (1 - exceeded[0]) * grey_from_rain_rate(drizzle) + exceeded[-1] * (heights[-1] - heights[-2])
    for low, high, p, q in zip(heights[:-2], heights[1:-1], exceeded[:-1], exceeded[1:], strict=True):
        total = total + (high - low) * (p + q) / 2
    total[total < _DRY * heights[0]] = 0.0
    return rain_rate_from_grey(total.astype(np.float32))


def rain_at(rank: Floats, logits: Floats, levels: Floats) -> Floats:
    """The rain rate of a rank in the distribution at each place: how one member is drawn.

    Args:
        rank: (...) logit of the share of the distribution that lies above.
        logits: (level, ...), not rising from level to level.
        levels: (level,) [mm h-1].

    Returns:
        (...) [mm h-1]: beyond the highest level as heavy as a Pareto tail with the mean of `mean_of` has it.
    """
    rate = field_above(logits - rank, levels)
    beyond = logits[-1] > rank
    if beyond.any():
        likelier = (1 + np.exp(-rank[beyond])) / (1 + np.exp(-logits[-1][beyond]))  # p of the level over p of the rank
        rate[beyond] = np.float32(levels[-1]) * likelier ** np.float32(1 - 1 / _TAIL)
    return rate


def matched(ranking: Floats, logits: Floats, levels: Floats) -> Floats:
    """A field with the ranks of one and the rain rates of the distributions of all places together.

    The share of places where each level is exceeded is the mean of its probabilities; the place of rank i gets the rain rate that i
    places exceed.

    Args:
        ranking: (y, x) whose order is kept; 0 is dry in any case.
        logits: (level, y, x), not rising from level to level.
        levels: (level,) [mm h-1].

    Source:
        Ebert (2001), doi:10.1175/1520-0493(2001)129<2461:AOAPMS>2.0.CO;2, for members of an ensemble.
    """
    exceeded = (1 / (1 + np.exp(-logits))).reshape(len(levels), -1).mean(axis=1, dtype=np.float64)
    order = np.argsort(ranking, axis=None, kind="stable")[::-1]
    above = _logit((np.arange(order.size) + 0.5) / order.size)
    rates = rain_at(above, np.broadcast_to(_logit(exceeded)[:, None], (len(levels), order.size)), levels)
    result = np.empty(ranking.size, np.float32)
    result[order] = rates
    result[ranking.ravel() == 0] = 0.0
    return result.reshape(ranking.shape)


def _logit(share: NDArray[np.float64]) -> Floats:
    held = np.clip(share, 1e-9, 1 - 1e-9)
    logits: Floats = np.log(held / (1 - held)).astype(np.float32)
    return logits
