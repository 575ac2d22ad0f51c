"""PredRNN: the zigzag written out, the decoupling term by hand, the number of weights, feeding back."""

import pytest
import torch

from stormcell.cells.cell import unroll
from stormcell.cells.st_lstm import STLSTM
from stormcell.networks.predrnn import ZigZag, decoupled_predictions, predrnn, predrnn_v2
from tests.cells.image_contract import frames, randomise


def small(build=predrnn_v2):
    return randomise(build(hidden=3, layers=2, kernel=3, patch=2).double())


@pytest.mark.parametrize(("build", "published"), [(predrnn, 23_838_720), (predrnn_v2, 23_855_104)])
def test_weights(build, published):
    """23.8 and 23.9 million, worked out from the published code's shapes."""
    with torch.device("meta"):
        network = build()
    assert sum(weight.numel() for weight in network.parameters()) == published
    assert network(torch.empty(2, 10, 1, 64, 64, device="meta"), 10).shape == (2, 10, 1, 64, 64)


@torch.no_grad()
def test_the_zigzag_written_out():
    stack = randomise(ZigZag(2, 3, 3, 3, decouple=True).double())
    x = frames(2, 4, 2, 4, 5)
    outputs, state = unroll(stack, x)
    zeros = torch.zeros(2, 3, 4, 5, dtype=torch.float64)
    h, c, m, alike = [zeros] * 3, [zeros] * 3, zeros, torch.zeros(2, dtype=torch.float64)
    for step in range(4):
        frame = x[:, step]
        for layer, cell in enumerate(stack.cells):
            terms = tuple(term[0] for term in cell.project(frame[None]))
            (h[layer], c[layer], m), increments = cell.advance(terms, (h[layer], c[layer], m))
            frame = h[layer]
            first, second = (stack.adapter(added) for added in increments)
            for sequence in range(2):
                for channel in range(3):
                    a, b = first[sequence, channel].flatten(), second[sequence, channel].flatten()
                    alike[sequence] += (a @ b / (a.norm() * b.norm())).abs() / 3
        torch.testing.assert_close(outputs[:, step], stack.head(frame), rtol=0, atol=1e-12)
    torch.testing.assert_close(state[6], m, rtol=0, atol=1e-12)
    torch.testing.assert_close(state[-1], alike, rtol=0, atol=1e-12)


@torch.no_grad()
def test_one_layer_is_the_cell():
    stack = randomise(ZigZag(2, 3, 1, 3).double())
    cell = STLSTM(2, 3, 3).double()
    cell.load_state_dict(stack.cells[0].state_dict())
    x = frames(2, 4, 2, 4, 5)
    outputs, state = unroll(stack, x)
    h, end = unroll(cell, x)
    torch.testing.assert_close(outputs[:, -1], stack.head(h[:, -1]))
    torch.testing.assert_close(state, end)


def test_gradients():
    stack = randomise(ZigZag(1, 2, 2, 3, decouple=True).double())

    def run(inputs, *_):
        outputs, state = unroll(stack, inputs)
        return outputs, state[-1]

    assert torch.autograd.gradcheck(run, (frames(1, 2, 1, 3, 4).requires_grad_(), *stack.parameters()), fast_mode=True)


def test_every_weight_gets_a_gradient():
    network = small()
    series = frames(2, 4, 1, 8, 8)
    predictions, alike = decoupled_predictions(network, series)
    ((predictions[:, :-1] - series[:, 1:]).square().mean() + 0.1 * alike).backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()] == []
    assert 0 < alike.item() < 1


def test_truncation_reaches_what_is_learnt_with_decoupling():
    network, series = small(), frames(1, 4, 1, 8, 8).requires_grad_()
    predictions, _ = decoupled_predictions(network, series, truncate=2, checkpoint_every=1)
    (gradient,) = torch.autograd.grad(predictions[:, -1].sum(), series)
    reach = gradient.abs().amax(dim=(0, 2, 3, 4))
    assert (reach[:2] == 0).all() and (reach[2:] > 0).all()


def test_decoupling_changes_no_forecast():
    network, plain, past = small(), small(predrnn), frames(1, 3, 1, 8, 8)
    plain.load_state_dict({name: weight for name, weight in network.state_dict().items() if "adapter" not in name})
    torch.testing.assert_close(plain(past, 3), network(past, 3), rtol=0, atol=0)
    torch.testing.assert_close(decoupled_predictions(network, past)[0], plain.predictions(past)[0], rtol=0, atol=0)


@torch.no_grad()
def test_its_own_forecast_is_what_it_would_make_of_them():
    network, past = small(), frames(1, 4, 1, 8, 8)
    forecast = network(past, 3)
    again, _ = network.predictions(torch.cat((past, forecast[:, :2]), dim=1))
    torch.testing.assert_close(again[:, 3:], forecast, rtol=0, atol=1e-12)


@torch.no_grad()
def test_reverse_scheduled_sampling():
    """Only the first frame given: it goes on by itself from there."""
    network, series = small(), frames(2, 4, 1, 8, 8)
    given = torch.zeros(2, 4, dtype=torch.bool)
    given[:, 0] = True
    torch.testing.assert_close(network.predictions(series, given)[0], network(series[:, :1], 4), rtol=0, atol=1e-12)


@torch.no_grad()
def test_any_grid_and_any_split_of_the_stream():
    stack = small().cell
    for grid in ((4, 7), (6, 5)):
        series = frames(1, 4, 4, *grid)
        together, end = unroll(stack, series)
        first, state = unroll(stack, series[:, :1])
        rest, last = unroll(stack, series[:, 1:], state)
        torch.testing.assert_close(torch.cat((first, rest), dim=1), together)
        torch.testing.assert_close(last, end)


def test_weights_go_out_and_in():
    first, second, past = small(), randomise(small(), seed=5), frames(1, 2, 1, 4, 4)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(second(past, 2), first(past, 2), rtol=0, atol=0)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="one layer or more"):
        ZigZag(1, 2, 0)
    with pytest.raises(ValueError, match="decouple=True"):
        decoupled_predictions(small(predrnn), frames(1, 2, 1, 8, 8))
    with pytest.raises(ValueError, match="whole 2 x 2 patches"):
        small()(frames(1, 1, 1, 7, 8), 1)
