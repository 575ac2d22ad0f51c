"""Networks by name and plain settings: what an experiment file says, what a checkpoint keeps, and how both become a network."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from torch import nn

from stormcell.cells.normalization import NORMALISERS, normalise_convolutions
from stormcell.cells.quantization import QUANTIZERS, quantize
from stormcell.errors import MethodError
from stormcell.networks.conv_tt import conv_tt, convlstm_12
from stormcell.networks.encoder_forecaster import hko7, moving_mnist_pp, shi2015
from stormcell.networks.guided import Guided
from stormcell.networks.predrnn import predrnn, predrnn_v2
from stormcell.networks.pyramid import pyramid
from stormcell.networks.sequence import FCLSTMForecaster

__all__ = ["ARCHITECTURES", "build_network", "image_multiple"]


def fc_lstm(rows: int = 64, columns: int = 64, *, units: Sequence[int] = (2048, 2048)) -> FCLSTMForecaster:
    """The fully connected LSTM encoder-forecaster, for frames of this one size."""
    return FCLSTMForecaster(rows * columns, units)


# All settings are plain values, all frames have one channel: forward(past (batch, time, 1, y, x), steps) -> (batch, steps, 1, y, x).
ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "conv-tt": conv_tt,
    "convlstm": shi2015,
    "convlstm-12": convlstm_12,
    "fc-lstm": fc_lstm,
    "hko7": hko7,
    "moving-mnist-pp": moving_mnist_pp,
    "predrnn": predrnn,
    "predrnn-v2": predrnn_v2,
    "pyramid": pyramid,
}
_BUILDERS: dict[str, Callable[..., nn.Module]] = {**ARCHITECTURES, "guided": Guided}  # which sees more than frames, see there
_WRAPPING = ("normalise", "quantize")


def build_network(name: str, settings: Mapping[str, Any]) -> nn.Module:
    """Build a network.

    Args:
        name: a name in `ARCHITECTURES`, or "guided".
        settings: arguments of that builder, and, for networks of image cells, `normalise` (a name in `NORMALISERS`, put behind the
            cells' convolutions) and `quantize` (a name in `QUANTIZERS`, what their weights are read as).

    Raises:
        MethodError: an unknown name or setting, or a value that does not fit; says what there is.
    """
    if name not in _BUILDERS:
        raise MethodError(f"unknown network {name!r}: expected one of {', '.join(_BUILDERS)}")
    known = [*(key for key in inspect.signature(_BUILDERS[name]).parameters if key != "channels"), *_WRAPPING]
    unknown = [key for key in settings if key not in known]
    if unknown:
        raise MethodError(f"network {name!r} has no setting {unknown[0]!r}: expected some of {', '.join(known)}")
    try:
        network = _BUILDERS[name](**{key: value for key, value in settings.items() if key not in _WRAPPING})
        _wrap(network, settings.get("normalise"), settings.get("quantize"))
    except (TypeError, ValueError) as error:
        raise MethodError(f"network {name!r}, settings {dict(settings)}: {error}") from error
    return network


def _wrap(network: nn.Module, normaliser: str | None, scheme: str | None) -> None:
    if normaliser is not None:
        if normaliser not in NORMALISERS:
            raise ValueError(f"unknown normaliser {normaliser!r}: expected one of {', '.join(NORMALISERS)}")
        cells = [part for part in network.modules() if isinstance(getattr(part, "state_convolution", None), nn.Conv2d)]
        if not cells:
            raise ValueError("normalise: this network has no cells of convolutions")
        for cell in cells:
            normalise_convolutions(cell, NORMALISERS[normaliser])
    if scheme is not None:
        if scheme not in QUANTIZERS:
            raise ValueError(f"unknown scheme {scheme!r}: expected one of {', '.join(QUANTIZERS)}")
        quantize(network, scheme)


def image_multiple(network: nn.Module) -> int:
    """Sides of images that a network takes whole are multiples of this [pixels]: of its patches, with its coarser grids in them."""
    patch = cast(int, getattr(network, "patch", 1))
    coarser = 1
    for layer in getattr(network, "down", ()):
        if isinstance(layer, nn.Conv2d):
            coarser *= layer.stride[0]
    return patch * coarser
