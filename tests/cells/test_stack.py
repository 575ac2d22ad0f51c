import pytest
import torch

from stormcell.cells.cell import unroll
from stormcell.cells.convlstm import ConvLSTM
from stormcell.cells.fused import unroll_fused
from stormcell.cells.gru import GRU
from stormcell.cells.lstm import LSTM
from stormcell.cells.rnn import RNN
from stormcell.cells.stack import Stack
from stormcell.cells.zoneout import Zoneout


def test_equals_one_layer_after_another():
    torch.manual_seed(0)
    layers = [RNN(3, 4), LSTM(4, 5), GRU(5, 2)]
    inputs = torch.randn(2, 6, 3)
    outputs, state = unroll(Stack(layers), inputs)
    between, last = inputs, []
    for layer in layers:
        between, end = unroll(layer, between)
        last.extend(end)
    torch.testing.assert_close(outputs, between)
    torch.testing.assert_close(state, tuple(last))


def test_stacks_nest():
    torch.manual_seed(0)
    a, b, c = RNN(3, 4), LSTM(4, 5), GRU(5, 2)
    inputs = torch.randn(2, 6, 3)
    flat, nested = unroll(Stack([a, b, c]), inputs), unroll(Stack([a, Stack([b, c])]), inputs)
    torch.testing.assert_close(nested, flat, rtol=0, atol=0)


def test_images_stack_too():
    torch.manual_seed(0)
    lower, upper = ConvLSTM(2, 3, 3, 3), ConvLSTM(3, 4, 3, 5)
    inputs = torch.randn(2, 4, 2, 6, 7)
    outputs, state = unroll(Stack([lower, upper]), inputs)
    torch.testing.assert_close(outputs, unroll(upper, unroll(lower, inputs)[0])[0])
    assert [part.shape[1] for part in state] == [3, 3, 4, 4]


def test_dropout_is_between_layers_and_only_in_training():
    torch.manual_seed(0)
    lower, upper = RNN(3, 200), RNN(200, 4)
    stack = Stack([lower, upper], dropout=0.5)
    inputs = torch.randn(2, 6, 3)
    torch.testing.assert_close(unroll(stack.eval(), inputs), unroll(Stack([lower, upper]), inputs))
    stack.train()
    first, second = unroll(stack, inputs), unroll(stack, inputs)
    assert not torch.allclose(first[0], second[0])
    torch.testing.assert_close(first[1][0], second[1][0])  # the lower layer does not see it
    alone = Stack([RNN(3, 4)], dropout=0.5)
    torch.testing.assert_close(unroll(alone, inputs), unroll(alone, inputs))


@pytest.mark.parametrize("run", [unroll, unroll_fused])
def test_dropout_drops_the_asked_share(run):
    class Through(torch.nn.Module):
        def project(self, inputs):
            return (inputs,)

        def initial_state(self, like):
            return (like.new_zeros(like.shape[0]),)

        def step(self, projected, state):
            return projected[0], state

    torch.manual_seed(0)
    outputs, _ = run(Stack([Through(), Through()], dropout=0.3), torch.ones(20, 50, 20))
    assert float((outputs == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert sorted({round(float(value), 4) for value in outputs.unique()}) == [0.0, round(1 / 0.7, 4)]  # the rest is scaled up


def test_zoneout_keeps_the_asked_share():
    torch.manual_seed(0)
    cell = LSTM(3, 500)
    state = tuple(torch.randn(20, 500) for _ in range(2))
    projected = (cell.project(torch.randn(1, 20, 3))[0][0],)
    _, full = cell.step(projected, state)
    output, (h, c) = Zoneout(cell, (0.2, 0.5)).step(projected, state)
    assert output is h
    for rate, before, made, after in zip((0.2, 0.5), state, (h, c), full, strict=True):
        kept = made == before
        assert float(kept.float().mean()) == pytest.approx(rate, abs=0.02)
        torch.testing.assert_close(made, torch.where(kept, before, after))


def test_zoneout_in_use_is_the_mean():
    torch.manual_seed(0)
    cell = GRU(3, 4)
    before = (torch.randn(2, 4),)
    projected = (cell.project(torch.randn(1, 2, 3))[0][0],)
    _, (after,) = cell.step(projected, before)
    output, _ = Zoneout(cell, 0.3).eval().step(projected, before)
    torch.testing.assert_close(output, 0.3 * before[0] + 0.7 * after)


def test_checkpoints_draw_the_same_units_again():
    torch.manual_seed(0)
    cell, inputs = Stack([Zoneout(LSTM(3, 4), 0.5), GRU(4, 4)], dropout=0.5), torch.randn(2, 6, 3)
    grads = []
    for every in (None, 2):
        torch.manual_seed(1)
        cell.zero_grad()
        unroll(cell, inputs, checkpoint_every=every)[0].sum().backward()
        grads.append([parameter.grad.clone() for parameter in cell.parameters()])
    torch.testing.assert_close(grads[1], grads[0])


def test_what_cannot_be_built():
    with pytest.raises(ValueError, match="one cell"):
        Stack([])
    with pytest.raises(ValueError, match="dropout"):
        Stack([RNN(3, 4)], dropout=1.0)
    with pytest.raises(ValueError, match="parts"):
        unroll(Stack([RNN(3, 4), LSTM(4, 4)]), torch.zeros(1, 2, 3), (torch.zeros(1, 4),))
    for rate in (1.0, -0.1, ()):
        with pytest.raises(ValueError, match="rates"):
            Zoneout(RNN(3, 4), rate)
    with pytest.raises(ValueError, match="2 rates"):
        unroll(Zoneout(RNN(3, 4), (0.1, 0.2)), torch.zeros(1, 2, 3))
