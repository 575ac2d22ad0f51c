"""Networks of recurrent cells: the ones of the papers under their names, and the parts to build others.

To add one, list below how to build it; `stormcell models list` shows it, and the contract tests run over `NETWORKS`.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from stormcell.networks.conv_tt import conv_tt, convlstm_12
from stormcell.networks.encoder_forecaster import EncoderForecaster, hko7, moving_mnist_pp, shi2015
from stormcell.networks.feedforward import MLP
from stormcell.networks.predrnn import predrnn, predrnn_v2
from stormcell.networks.pyramid import pyramid
from stormcell.networks.sequence import FCLSTMForecaster, SequenceNetwork

__all__ = ["MLP", "NETWORKS", "EncoderForecaster", "FCLSTMForecaster", "SequenceNetwork"]

# All take one channel: forward(past (batch, time, 1, y, x), steps) -> (batch, steps, 1, y, x).
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "fc-lstm-2015": partial(FCLSTMForecaster, 64 * 64),
    "convlstm-2015": shi2015,
    "convlstm-2015-radar": partial(shi2015, (64, 64), input_kernel=3, state_kernel=3, patch=2),
    "hko7-convlstm": partial(hko7, "convlstm"),
    "hko7-convgru": partial(hko7, "convgru"),
    "hko7-trajgru": partial(hko7, "trajgru"),
    "moving-mnist-pp-convgru-k3d2": partial(moving_mnist_pp, "convgru-k3d2"),
    "moving-mnist-pp-convgru-k5d1": partial(moving_mnist_pp, "convgru-k5d1"),
    "moving-mnist-pp-convgru-k7d1": partial(moving_mnist_pp, "convgru-k7d1"),
    "moving-mnist-pp-trajgru-l5": partial(moving_mnist_pp, "trajgru-l5"),
    "moving-mnist-pp-trajgru-l9": partial(moving_mnist_pp, "trajgru-l9"),
    "moving-mnist-pp-trajgru-l13": partial(moving_mnist_pp, "trajgru-l13"),
    "moving-mnist-pp-trajgru-l17": partial(moving_mnist_pp, "trajgru-l17"),
    "convlstm-12": convlstm_12,
    "conv-tt-12": conv_tt,
    "predrnn": predrnn,
    "predrnn-v2": predrnn_v2,
    "pyramid": pyramid,
}
