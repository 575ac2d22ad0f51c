"""Errors at several scales, so that a shower a few pixels astray is better than none."""

from torch import Tensor
from torch.nn import functional

from stormcell.networks.losses.loss import error_of
from stormcell.networks.representation import Representation

__all__ = ["multi_scale"]

_SCALES = (1, 2, 4, 8)  # pixels


def multi_scale(forecast: Tensor, observed: Tensor, valid: Tensor, *, representation: Representation) -> Tensor:
    """Squared and absolute error of fields made coarser by averaging x over blocks of 1, 2, 4 and 8 pixels a side.

        mean over scales of (MSE + MAE),   MSE = sum over blocks n e^2 / sum over blocks n,   MAE likewise with |e|

    e is the mean of p - o over the n valid pixels of a block, the same pixels in both fields; blocks at the far sides may be smaller.
    See `Loss`.
    """
    pixels, error = valid.flatten(0, 2).to(observed.dtype), error_of(forecast, observed, valid).flatten(0, 2)
    total = pixels.sum().clamp(min=1)
    terms = []
    for side in _SCALES:
        count, sums = _block_sums(pixels, side), _block_sums(error, side)
        mean = sums / count.clamp(min=1)
        terms.append((count * (mean.square() + mean.abs())).sum() / total)
    return sum(terms[1:], start=terms[0]) / len(terms)


def _block_sums(fields: Tensor, side: int) -> Tensor:
    """(fields, y, x) to sums over blocks; those at the far sides hold what there is."""
    rows, columns = (-size % side for size in fields.shape[-2:])
    padded = functional.pad(fields, (0, columns, 0, rows))
    return padded.reshape(len(fields), padded.shape[1] // side, side, padded.shape[2] // side, side).sum((2, 4))
