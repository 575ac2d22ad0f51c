"""Errors in which heavy rain counts for more, because there is so little of it: the losses of the HKO-7 networks.

HKO-7's own is a sum over the pixels of a frame, where what its masks leave out counts 0, and a mean over frames; ours is a mean over
valid pixels. So theirs is ours times the valid pixels of a frame: 230,400 at most on 480 x 480 pixels, which its factor of 1e-5 for
gradients turns into 2.3. A mean is the same on any size of crop, and so is a learning rate that suits it; a threshold for clipping
gradients taken from there (50) is to be seen with that factor. Beside the mask of what the radar sees, the benchmark leaves out weak
echoes (`verification.hko7.is_noise`): whoever wants that as well takes them out of `valid`.
"""

import torch
from torch import Tensor

from stormcell.networks.losses.loss import error_of, mean_over
from stormcell.networks.representation import Representation

__all__ = ["b_mae", "b_mse"]

_STEPS = ((2.0, 1.0), (5.0, 3.0), (10.0, 5.0), (30.0, 20.0))  # from this rain rate on [mm h-1], so much is added to the weight
_ROUNDING = 1e-6  # of x, so that a rain rate that stands exactly at a step belongs to it


def b_mse(forecast: Tensor, observed: Tensor, valid: Tensor, *, representation: Representation) -> Tensor:
    """Balanced squared error: mean over valid pixels of w (p - o)^2.

    w = 1 where less than 2 mm/h were observed, 2 from 2, 5 from 5, 10 from 10, 30 from 30 mm/h on. The sum of the weights is not
    divided out.

    Args:
        forecast: see `Loss`.
        observed: x of what came; the weights are of it.
        valid: what counts.
        representation: which x the steps are; of reflectivity.

    Raises:
        ValueError: x is not of rain, or as of `Loss`.

    Source:
        Shi et al. (2017), arXiv:1706.03458. `verification.balanced` has it as a score.
    """
    error = error_of(forecast, observed, valid)
    return mean_over(valid, _weights(observed, representation) * error.square())


def b_mae(forecast: Tensor, observed: Tensor, valid: Tensor, *, representation: Representation) -> Tensor:
    """Balanced absolute error: mean over valid pixels of w |p - o|, with w and all else as for `b_mse`."""
    error = error_of(forecast, observed, valid)
    return mean_over(valid, _weights(observed, representation) * error.abs())


def _weights(observed: Tensor, representation: Representation) -> Tensor:
    """1 to 30 by what was observed; 1 where it is NaN."""
    if representation.quantity == "grey":
        raise ValueError("b-mse and b-mae weigh by rain rate, which grey values do not have; train on 'mse', 'mae' or 'cross-entropy'")
    weights = torch.ones_like(observed)
    for rain_rate, more in _STEPS:
        weights += more * (observed >= representation.level(rain_rate) - _ROUNDING)
    return weights
