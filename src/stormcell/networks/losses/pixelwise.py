"""Errors in which every valid pixel counts the same."""

import torch
from torch import Tensor
from torch.nn import functional

from stormcell.networks.losses.loss import check, error_of, mean_over
from stormcell.networks.representation import Representation

__all__ = ["cross_entropy", "mae", "mse"]


def mse(forecast: Tensor, observed: Tensor, valid: Tensor, *, representation: Representation) -> Tensor:
    """Mean squared error of x: mean over valid pixels of (p - o)^2. See `Loss`."""
    return mean_over(valid, error_of(forecast, observed, valid).square())


def mae(forecast: Tensor, observed: Tensor, valid: Tensor, *, representation: Representation) -> Tensor:
    """Mean absolute error of x: mean over valid pixels of |p - o|. See `Loss`."""
    return mean_over(valid, error_of(forecast, observed, valid).abs())


def cross_entropy(forecast: Tensor, observed: Tensor, valid: Tensor, *, representation: Representation) -> Tensor:
    """Cross-entropy between x, taken for a probability, and the sigmoid of what the network gives.

        mean over valid pixels of -o log p - (1 - o) log(1 - p),   p = sig(forecast)

    It is worked out from the logits, so that it cannot overflow. The smallest value is not 0 where o lies between 0 and 1, but the
    entropy of o, at p = o. The figures in the paper are sums over the pixels of a frame (of a sequence for Moving MNIST): theirs is
    this mean times those pixels.

    Args:
        forecast: logits, any real number. For the others see `Loss`.
        observed: x, 0 to 1.
        valid: what counts.
        representation: plays no part.

    Source:
        Shi et al. (2015), arXiv:1506.04214.
    """
    check(forecast, observed, valid)
    known = torch.where(valid, observed, 0.0)
    each = functional.binary_cross_entropy_with_logits(forecast.to(known.dtype), known, reduction="none")
    return mean_over(valid, torch.where(valid, each, 0.0))
