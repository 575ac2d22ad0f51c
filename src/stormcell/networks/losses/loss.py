"""What a loss is, and what all of them share: the check of what comes in, and the mean over what the radar saw."""

from typing import Protocol

import torch
from torch import Tensor

from stormcell.networks.representation import Representation

__all__ = ["Loss", "check", "error_of", "mean_over"]


class Loss(Protocol):
    """How bad a forecast is, as one number to make small."""

    def __call__(self, forecast: Tensor, observed: Tensor, valid: Tensor, *, representation: Representation) -> Tensor:
        """The loss.

        Args:
            forecast: (batch, time, channel, y, x), x of the representation; logits of it for cross-entropy.
            observed: x of what came, same shape; NaN where it was not seen.
            valid: bool, same shape: what counts. Where it is False nothing of `observed` has any part in value or gradient.
            representation: what x means.

        Returns:
            A scalar; 0, with a gradient of 0, where nothing is valid.

        Raises:
            ValueError: the three differ in shape, or `valid` is not bool.
        """
        ...


def error_of(forecast: Tensor, observed: Tensor, valid: Tensor) -> Tensor:
    """Forecast - observed, 0 where it does not count, in the higher precision of the two.

    Raises:
        ValueError: as of `Loss`.
    """
    check(forecast, observed, valid)
    return torch.where(valid, forecast - observed, 0.0)


def mean_over(valid: Tensor, values: Tensor) -> Tensor:
    """Mean of values that are 0 outside `valid`, over what is valid; 0 where nothing is."""
    return values.sum() / valid.sum().clamp(min=1)


def check(forecast: Tensor, observed: Tensor, valid: Tensor) -> None:
    """Same shape, so that nothing is broadcast in silence.

    Raises:
        ValueError: as of `Loss`.
    """
    if not (forecast.dim() == 5 and forecast.shape == observed.shape == valid.shape and valid.dtype == torch.bool):
        raise ValueError(
            "loss: expected forecast, observed and a bool mask, all (batch, time, channel, y, x), got "
            f"{tuple(forecast.shape)}, {tuple(observed.shape)} and {valid.dtype} {tuple(valid.shape)}"
        )
