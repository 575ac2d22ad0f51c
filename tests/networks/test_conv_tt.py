"""The twelve-layer network: the published numbers of weights, its skips, feeding back, scheduled sampling."""

import pytest
import torch

from stormcell.cells.cell import unroll
from stormcell.cells.conv_tt_lstm import ConvTTLSTM
from stormcell.cells.convlstm import ConvLSTM
from stormcell.networks.autoregressive import NextFrame
from stormcell.networks.conv_tt import SkipStack, conv_tt, convlstm_12
from tests.cells.image_contract import frames, randomise


@pytest.mark.parametrize(
    ("build", "channels", "published"),
    [(conv_tt, 1, 2_687_281), (convlstm_12, 1, 3_973_201), (conv_tt, 3, 2_693_843), (convlstm_12, 3, 3_979_763)],
)
def test_published_weights(build, channels, published):
    with torch.device("meta"):
        network = build(channels)
    assert sum(weight.numel() for weight in network.parameters()) == published
    assert network(torch.empty(2, 10, channels, 64, 64, device="meta"), 10).shape == (2, 10, channels, 64, 64)


def tensor_trains() -> NextFrame:
    stack = SkipStack(1, lambda inputs, channels: ConvTTLSTM(inputs, channels, 3, 2, 2, 2), blocks=(2, 3, 3, 2), layers=2)
    return randomise(NextFrame(stack).double())


def plain() -> NextFrame:
    stack = SkipStack(1, lambda inputs, channels: ConvLSTM(inputs, channels, 3, 3, peepholes=False), blocks=(2, 3, 4, 5), layers=1)
    return randomise(NextFrame(stack).double())


@torch.no_grad()
def test_written_out():
    """One cell a block: layer by layer over the past, then through its own forecasts one by one."""
    network, past = plain(), frames(2, 3, 1, 5, 6)
    cells, head = [block.cells[0] for block in network.cell.blocks], network.cell.head

    def run(inputs, states):
        ends = []
        outputs = [inputs]
        for index, cell in enumerate(cells):
            below = outputs[-1] if index < 3 else torch.cat((outputs[3], outputs[1]), dim=2)
            output, end = unroll(cell, below, states[index])
            outputs.append(output)
            ends.append(end)
        return head(torch.cat((outputs[4], outputs[2]), dim=2)[:, -1])[:, None], ends

    frame, states = run(past, [None] * 4)
    expected = [frame]
    for _ in range(2):
        frame, states = run(frame, states)
        expected.append(frame)
    torch.testing.assert_close(network(past, 3), torch.cat(expected, dim=1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("build", [tensor_trains, plain])
def test_every_weight_gets_a_gradient(build):
    network = build()
    network(frames(1, 4, 1, 5, 6), 3).square().sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()] == []


@pytest.mark.parametrize("build", [tensor_trains, plain])
@torch.no_grad()
def test_its_own_forecast_is_what_it_would_make_of_them(build):
    """Forecasts fed in as if they were true frames give the same forecasts."""
    network, past = build(), frames(1, 4, 1, 5, 6)
    forecast = network(past, 3)
    again, _ = network.predictions(torch.cat((past, forecast[:, :2]), dim=1))
    torch.testing.assert_close(again[:, 3:], forecast, rtol=0, atol=1e-12)


@pytest.mark.parametrize("build", [tensor_trains, plain])
@torch.no_grad()
def test_scheduled_sampling(build):
    network, series = build(), frames(3, 6, 1, 5, 6)
    given = torch.ones(3, 6, dtype=torch.bool)
    free, _ = network.predictions(series)
    torch.testing.assert_close(network.predictions(series, given)[0], free, rtol=0, atol=1e-12)
    given[:, 4:] = False  # nothing after the fourth: a forecast of three
    torch.testing.assert_close(network.predictions(series, given)[0][:, 3:], network(series[:, :4], 3), rtol=0, atol=1e-12)
    given[0], given[1, :4], given[2] = True, True, torch.tensor([True, False, True, True, True, True])  # each sequence its own
    mixed, _ = network.predictions(series, given)
    torch.testing.assert_close(mixed[0], free[0], rtol=0, atol=1e-12)
    swapped = series[2:].clone()
    swapped[:, 1] = free[2, 0]
    torch.testing.assert_close(mixed[2:], network.predictions(swapped)[0], rtol=0, atol=1e-12)


@torch.no_grad()
def test_any_grid_and_any_split_of_the_stream():
    network = tensor_trains()
    for grid in ((4, 7), (9, 5)):
        series = frames(1, 4, 1, *grid)
        together, end = unroll(network.cell, series)
        first, state = unroll(network.cell, series[:, :1])
        rest, last = unroll(network.cell, series[:, 1:], state)
        torch.testing.assert_close(torch.cat((first, rest), dim=1), together)
        torch.testing.assert_close(last, end)


def test_weights_go_out_and_in():
    first, second, past = tensor_trains(), randomise(tensor_trains(), seed=5), frames(1, 2, 1, 5, 5)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(second(past, 2), first(past, 2), rtol=0, atol=0)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="one step or more"):
        plain()(frames(1, 1, 1, 4, 4), 0)
    with pytest.raises(ValueError, match="expected given"):
        plain().predictions(frames(1, 2, 1, 4, 4), torch.ones(1, 3, dtype=torch.bool))
