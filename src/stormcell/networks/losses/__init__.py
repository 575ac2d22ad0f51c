"""What training makes small: plain functions of forecast and observation, both as networks see them.

To add one, write it in a file of its family and list it in `LOSSES`; the contract tests run over the dict.
"""

from collections.abc import Mapping

from torch import Tensor

from stormcell.errors import MethodError
from stormcell.networks.losses.balanced import b_mae, b_mse
from stormcell.networks.losses.loss import Loss
from stormcell.networks.losses.multi_scale import multi_scale
from stormcell.networks.losses.pixelwise import cross_entropy, mae, mse
from stormcell.networks.losses.spectral import spectral
from stormcell.networks.representation import Representation

__all__ = ["LOSSES", "Loss", "weighted_sum"]

LOSSES: dict[str, Loss] = {
    "b-mae": b_mae,
    "b-mse": b_mse,
    "cross-entropy": cross_entropy,
    "mae": mae,
    "mse": mse,
    "multi-scale": multi_scale,
    "spectral": spectral,
}


def weighted_sum(weights: Mapping[str, float]) -> Loss:
    """Several losses as one: the sum of each times its weight.

    Args:
        weights: name in `LOSSES` -> weight, above 0. The HKO-7 networks learn from {"b-mse": 1, "b-mae": 1}.

    Raises:
        MethodError: no loss, one that is not there, a weight that is not above 0, or cross-entropy, which takes the forecast before
            the sigmoid, beside losses that take it after.
    """
    unknown = [name for name in weights if name not in LOSSES]
    if unknown or not weights:
        raise MethodError(f"expected one or more losses out of {', '.join(LOSSES)}; got {', '.join(unknown) or 'none'}")
    for name, weight in weights.items():
        if not 0.0 < weight < float("inf"):
            raise MethodError(f"expected a weight above 0 for the loss {name}, got {weight}; leave out a loss that is not wanted")
    if "cross-entropy" in weights and len(weights) > 1:
        raise MethodError("cross-entropy takes logits and cannot be added to other losses; expected it alone")

    def loss(forecast: Tensor, observed: Tensor, valid: Tensor, *, representation: Representation) -> Tensor:
        terms = [weight * LOSSES[name](forecast, observed, valid, representation=representation) for name, weight in weights.items()]
        return sum(terms[1:], start=terms[0])

    return loss
