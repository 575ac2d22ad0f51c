"""The gates of image cells: the quick form, its hand-written derivative, and the form for compilers are one and the same."""

import pytest
import torch

from stormcell.cells import RNN, ConvGRU, ConvLSTM, ConvTTLSTM, TrajGRU, compile_gates, unroll
from stormcell.cells.gru_gates import _traced as traced_gru
from stormcell.cells.gru_gates import gru_gates, leaky_relu
from stormcell.cells.lstm_gates import _traced as traced_lstm
from stormcell.cells.lstm_gates import lstm_gates, tanh


def _numbers(*shape, seed=0, last=False):
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2
    return made.to(memory_format=torch.channels_last if last else torch.contiguous_format).requires_grad_()


def _gradients(results, arguments):
    weighted = sum((part * part.detach().cos()).sum() for part in results)
    return torch.autograd.grad(weighted, [argument for argument in arguments if argument is not None])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("with_input", [False, True])
def test_lstm_by_hand_is_lstm_by_autograd(with_input, peepholes, last):
    arguments = (
        _numbers(2, 12, 4, 5, seed=1, last=last) if with_input else None,
        _numbers(2, 12, 4, 5, seed=2, last=last),
        _numbers(2, 3, 4, 5, seed=3, last=last),
    )
    weights = _numbers(3, 3, seed=4) if peepholes else None
    shaped = None if weights is None else weights.reshape(3, 3, 1, 1)
    ours, theirs = lstm_gates(*arguments, weights), traced_lstm(*arguments, shaped)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    everything = (*arguments, weights)
    torch.testing.assert_close(_gradients(ours, everything), _gradients(theirs, everything), rtol=0, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(lstm_gates(*arguments, weights), ours, rtol=0, atol=0)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("activation", [leaky_relu, torch.tanh, torch.sigmoid])
@pytest.mark.parametrize("with_input", [False, True])
def test_gru_by_hand_is_gru_by_autograd(with_input, activation, last):
    arguments = (
        _numbers(2, 9, 4, 5, seed=1, last=last) if with_input else None,
        _numbers(2, 9, 4, 5, seed=2, last=last),
        _numbers(2, 3, 4, 5, seed=3, last=last),
    )
    ours, theirs = gru_gates(*arguments, activation), traced_gru(*arguments, activation)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    torch.testing.assert_close(_gradients([ours], arguments), _gradients([theirs], arguments), rtol=0, atol=1e-12)


def test_arguments_are_left_as_they_were():
    gates, state = _numbers(2, 12, 4, 5), _numbers(2, 3, 4, 5)
    copies = gates.clone(), state.clone()
    lstm_gates(None, gates, state)
    gru_gates(gates[:, :9], gates[:, 3:], state)
    with torch.no_grad():
        lstm_gates(None, gates, state)
        gru_gates(None, gates[:, 3:], state)
    torch.testing.assert_close((gates, state), copies, rtol=0, atol=0)


def test_tanh_to_rounding():
    x = torch.linspace(-30, 30, 10001)
    torch.testing.assert_close(tanh(x), torch.tanh(x.double()).float(), rtol=0, atol=2e-7)
    assert tanh(torch.tensor([0.0, -200.0, 200.0])).tolist() == [0, -1, 1]


def test_the_memory_of_an_lstm_keeps_its_precision_in_bfloat16():
    """A thousand steps that add 1/1000 each: bfloat16 itself would stand still long before 1."""
    c = torch.zeros(1, 1, 1, 1)
    gates = torch.tensor([-6.9068, 30.0, 30.0, 0.0]).reshape(1, 4, 1, 1).bfloat16()  # i = 1/1000, f = 1, g = 1
    with torch.no_grad():
        for _ in range(1000):
            h, c = lstm_gates(None, gates, c)
    assert h.dtype == torch.bfloat16 and c.dtype == torch.float32
    assert 0.97 < float(c) < 1.03


def test_outputs_keep_channels_last():
    cell = ConvLSTM(2, 8, 3, 3).to(memory_format=torch.channels_last)
    outputs, _ = unroll(cell, torch.randn(2, 3, 2, 6, 7))
    assert outputs.shape == (2, 3, 8, 6, 7) and outputs.stride(2) == 1
    again, _ = unroll(ConvGRU(8, 4).to(memory_format=torch.channels_last), outputs)
    assert again.stride(2) == 1


def test_nothing_to_compile():
    with pytest.raises(ValueError, match="RNN has no ConvLSTM"):
        compile_gates(RNN(2, 3))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "build", [lambda: ConvLSTM(2, 4, 3, 3), lambda: ConvTTLSTM(2, 4, 3), lambda: ConvGRU(2, 4), lambda: TrajGRU(2, 4, 3)]
)
def test_compiled_gates_give_the_same(build):
    torch.manual_seed(0)
    cell, compiled = build(), build()
    compiled.load_state_dict(cell.state_dict())
    assert compile_gates(compiled) is compiled
    for shape in ((2, 4, 2, 8, 9), (1, 3, 2, 12, 7)):
        x = torch.randn(shape)
        (ours, _), (theirs, _) = unroll(compiled, x), unroll(cell, x)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
        mine = torch.autograd.grad(ours.square().sum(), list(compiled.parameters()))
        others = torch.autograd.grad(theirs.square().sum(), list(cell.parameters()))
        torch.testing.assert_close(mine, others, rtol=1e-3, atol=1e-5)
