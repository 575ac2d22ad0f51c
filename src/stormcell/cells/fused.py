"""torch's own kernels for a whole sequence, for the cells and options that they know.

`unroll_fused` gives what `unroll` gives, sooner. What the kernels do not know (peepholes, normalisers, masks, truncation,
checkpoints, any other cell, LSTM in bfloat16 on a processor without instructions for it) is `unroll`'s.
"""

import torch
from torch import Tensor
from torch.nn import functional

from stormcell.bfloat16 import has_fast_bfloat16
from stormcell.cells.cell import Cell, State, unroll
from stormcell.cells.gates import Gates
from stormcell.cells.gru import GRU
from stormcell.cells.lstm import LSTM
from stormcell.cells.rnn import RNN
from stormcell.cells.stack import Stack

__all__ = ["unroll_fused"]


def unroll_fused(cell: Cell, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
    """`unroll(cell, inputs, state)`, in one kernel a layer where cell and options allow it.

    Args:
        cell: any cell; a `Stack` goes layer by layer, each as quickly as it can.
        inputs: (batch, time, channel, ...).
        state: where to start; the cell's `initial_state` if None.

    Returns:
        Outputs (batch, time, channel, ...) and the last state: equal to `unroll`'s up to rounding, and with dropout up to chance.
    """
    if isinstance(cell, Stack):
        return _run_stack(cell, inputs, state)
    if not isinstance(cell, RNN | LSTM | GRU) or not _is_plain(cell):
        return unroll(cell, inputs, state)
    if isinstance(cell, LSTM) and _lacks_instructions(inputs):
        return unroll(cell, inputs, state)
    start = tuple(part[None] for part in (cell.initial_state(inputs[:, 0]) if state is None else state))
    weights = _weights(cell.gates)
    settings = (True, 1, 0.0, cell.training, False, True)  # biases, layers, dropout, training, both directions, batch first
    if isinstance(cell, LSTM):
        outputs, h, c = torch.lstm(inputs, start, weights, *settings)
        return outputs, (h[0], c[0])
    if isinstance(cell, GRU):
        weights[3] = torch.cat((weights[3][cell.units :], cell.candidate_bias))
        outputs, h = torch.gru(inputs, start[0], weights, *settings)
    else:
        kernel = torch.rnn_tanh if cell.activation == "tanh" else torch.rnn_relu
        outputs, h = kernel(inputs, start[0], weights, *settings)
    return outputs, (h[0],)


def _is_plain(cell: RNN | LSTM | GRU) -> bool:
    """Whether torch's kernel knows all that this cell does."""
    peeps = isinstance(cell, LSTM) and cell.peepholes is not None
    return cell.gates.state_normaliser is None and cell.gates.input_weight is not None and not peeps


def _lacks_instructions(inputs: Tensor) -> bool:
    """Whether the work is in bfloat16 on a processor for which torch's kernel of LSTM in it is refused."""
    if inputs.device.type != "cpu":
        return False
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else inputs.dtype
    return dtype == torch.bfloat16 and not has_fast_bfloat16("cpu")


def _weights(gates: Gates) -> list[Tensor]:
    """W_x, W_h, the inputs' bias, and the states' bias, which the kernels want and these cells do not have: 0."""
    input_weight = gates.input_weight
    assert input_weight is not None  # plain, and there are inputs
    return [input_weight, gates.state_weight, gates.bias, torch.zeros_like(gates.bias)]


def _run_stack(stack: Stack, inputs: Tensor, state: State | None) -> tuple[Tensor, State]:
    before = stack.split(stack.initial_state(inputs[:, 0]) if state is None else state)
    outputs = inputs
    after: State = ()
    for number, (cell, start) in enumerate(zip(stack.layers(), before, strict=True)):
        if number:
            outputs = functional.dropout(outputs, stack.dropout, stack.training)
        outputs, last = unroll_fused(cell, outputs, start)
        after = (*after, *last)
    return outputs, after
