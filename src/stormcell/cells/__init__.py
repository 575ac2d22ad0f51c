"""Recurrent cells: one step each, run over time by `stormcell.cells.cell.unroll`, the only loop over time.

To add one, write a module with a class that satisfies `Cell` and list below how to build it; the contract tests run over `CELLS`.
"""

from collections.abc import Callable

from stormcell.cells.cell import Cell, unroll
from stormcell.cells.compile_gates import compile_gates
from stormcell.cells.conv_tt_lstm import ConvTTLSTM
from stormcell.cells.convgru import ConvGRU
from stormcell.cells.convlstm import ConvLSTM
from stormcell.cells.echo_state import EchoState, RidgeReadout
from stormcell.cells.fused import unroll_fused
from stormcell.cells.gru import GRU
from stormcell.cells.lstm import LSTM
from stormcell.cells.normalization import NORMALISERS, BatchNormalise, LayerNormalise, WeightNormalise, normalise_convolutions
from stormcell.cells.quantization import QUANTIZERS, quantize, update_curvature
from stormcell.cells.rnn import RNN
from stormcell.cells.st_lstm import STLSTM
from stormcell.cells.stack import Stack
from stormcell.cells.trajgru import TrajGRU
from stormcell.cells.zoneout import Zoneout

__all__ = [
    "BatchNormalise",
    "CELLS",
    "Cell",
    "ConvGRU",
    "ConvLSTM",
    "ConvTTLSTM",
    "EchoState",
    "GRU",
    "IMAGE_CELLS",
    "LSTM",
    "LayerNormalise",
    "NORMALISERS",
    "QUANTIZERS",
    "RNN",
    "RidgeReadout",
    "STLSTM",
    "Stack",
    "TrajGRU",
    "WeightNormalise",
    "Zoneout",
    "compile_gates",
    "normalise_convolutions",
    "quantize",
    "unroll",
    "unroll_fused",
    "update_curvature",
]

# Builders from (input channels, state channels); what else a cell can do is said by its own arguments.
CELLS: dict[str, Callable[[int, int], Cell]] = {
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "echo-state": EchoState,
    "convlstm": lambda inputs, channels: ConvLSTM(inputs, channels, 3, 3),
    "convgru": ConvGRU,
    "trajgru": lambda inputs, channels: TrajGRU(inputs, channels, links=9),
    "conv-tt-lstm": ConvTTLSTM,
    "st-lstm": STLSTM,
}
IMAGE_CELLS = ("convlstm", "convgru", "trajgru", "conv-tt-lstm", "st-lstm")  # the others take vectors
