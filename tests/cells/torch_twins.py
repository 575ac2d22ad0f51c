"""Our cells beside torch.nn's networks with the same weights."""

from collections.abc import Callable

import torch

from stormcell.cells.cell import unroll
from stormcell.cells.fused import unroll_fused
from stormcell.cells.gru import GRU
from stormcell.cells.stack import Stack

LENGTHS = (7, 3, 5)


def check_twin(build: Callable[[int, int], torch.nn.Module], theirs: torch.nn.Module) -> None:
    """Outputs, last states and all gradients agree: whole sequences, fused, and sequences of different lengths."""
    dtype = theirs.weight_hh_l0.dtype
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    torch.manual_seed(0)
    ours = Stack([build(theirs.hidden_size if layer else theirs.input_size, theirs.hidden_size) for layer in range(theirs.num_layers)])
    ours = ours.to(dtype)
    for layer, cell in enumerate(ours.cells):
        _copy(theirs, layer, cell)
    inputs = torch.randn(len(LENGTHS), max(LENGTHS), theirs.input_size, dtype=dtype)
    weighting = torch.randn(len(LENGTHS), max(LENGTHS), theirs.hidden_size, dtype=dtype) / 10
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]

    for run in (unroll, unroll_fused):
        _compare(ours, theirs, run(ours, inputs), theirs(inputs), weighting, tolerance)
    packed = torch.nn.utils.rnn.pack_padded_sequence(inputs, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    outputs, last = theirs(packed)
    padded = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)[0]
    _compare(ours, theirs, unroll(ours, inputs, mask=mask), (padded, last), weighting, tolerance)


def _compare(ours, theirs, mine, other, weighting, tolerance) -> None:
    (outputs, state), (expected, last) = mine, other
    torch.testing.assert_close(outputs, expected, rtol=tolerance, atol=tolerance)
    last = last if isinstance(last, tuple) else (last,)
    for number, part in enumerate(state):  # ours: layer by layer; theirs: (layer, ...) for h and for c
        torch.testing.assert_close(part, last[number % len(last)][number // len(last)], rtol=tolerance, atol=tolerance)
    for model in (ours, theirs):
        model.zero_grad()
    (outputs * weighting).sum().backward()
    (expected * weighting).sum().backward()
    for layer, cell in enumerate(ours.cells):
        for ours_, theirs_ in _pairs(theirs, layer, cell):
            torch.testing.assert_close(ours_.grad, theirs_.grad[-len(ours_) :], rtol=tolerance, atol=tolerance)


@torch.no_grad()
def _copy(theirs, layer, cell) -> None:
    for ours_, theirs_ in _pairs(theirs, layer, cell):
        ours_.copy_(theirs_[-len(ours_) :])
    state_bias = getattr(theirs, f"bias_hh_l{layer}")
    if isinstance(cell, GRU):
        cell.gates.bias[: 2 * cell.units] += state_bias[: 2 * cell.units]
    else:
        cell.gates.bias += state_bias


def _pairs(theirs, layer, cell):
    """Our parameters with theirs; of two that share a gradient, one; the candidate's bias is the end of the states' bias."""
    yield cell.gates.input_weight, getattr(theirs, f"weight_ih_l{layer}")
    yield cell.gates.state_weight, getattr(theirs, f"weight_hh_l{layer}")
    yield cell.gates.bias, getattr(theirs, f"bias_ih_l{layer}")
    if isinstance(cell, GRU):
        yield cell.candidate_bias, getattr(theirs, f"bias_hh_l{layer}")
