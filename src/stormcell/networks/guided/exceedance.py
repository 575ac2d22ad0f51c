"""Learning how likely rain rates are exceeded: one yes or no for each level."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["LEVELS", "exceedance_loss"]

LEVELS = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0)
"""Rain rates [mm h-1], dense where users ask, up to where hardly any pixel is."""

_SLACK = 1e-3  # mm h-1; what rounding may take from rain that stands exactly at a level


def exceedance_loss(logits: Tensor, rain_rate: Tensor, valid: Tensor, *, levels: Sequence[float], weights: Tensor) -> Tensor:
    """Cross-entropy of each level's yes or no, a weighted mean over levels and a mean over what is valid.

        - sum_L w_L [ y_L log p_L + (1 - y_L) log(1 - p_L) ] / sum_L w_L,   y_L = 1 where R >= L

    It is a proper score: its best forecast is the true probability, whatever the weights.

    Args:
        logits: (batch, step, level, y, x).
        rain_rate: observed (batch, step, y, x) [mm h-1]; anything where it is not valid.
        valid: bool, same shape.
        levels: rising rain rates [mm h-1].
        weights: (level,), for instance so that rare levels are not forgotten.

    Raises:
        ValueError: shapes that do not fit together.

    Source:
        Frank & Hall (2001), doi:10.1007/3-540-44795-4_13 (ordinal classes as binary ones).
    """
    if logits.shape != (*rain_rate.shape[:2], len(levels), *rain_rate.shape[2:]) or rain_rate.shape != valid.shape:
        raise ValueError(
            f"expected logits (batch, step, level, y, x) of {len(levels)} levels and rain (batch, step, y, x), got {tuple(logits.shape)}, "
            f"{tuple(rain_rate.shape)} and {tuple(valid.shape)}"
        )
    level = torch.tensor(levels, dtype=rain_rate.dtype, device=rain_rate.device)[:, None, None]
    event = (rain_rate[:, :, None] >= level - _SLACK).to(logits.dtype)
    weight = valid[:, :, None] * weights[:, None, None]
    total = functional.binary_cross_entropy_with_logits(logits, event, weight=weight, reduction="sum")
    return total / (valid.sum() * weights.sum()).clamp(min=1)
