"""Encoder-forecaster networks: the published numbers of weights, the wiring, any grid, and forecasts in two halves."""

import pytest
import torch
from torch import nn

from stormcell.cells.cell import unroll
from stormcell.cells.convgru import ConvGRU
from stormcell.cells.convlstm import ConvLSTM
from stormcell.networks.encoder_forecaster import EncoderForecaster, Resampling, Stage, hko7, moving_mnist_pp, shi2015
from tests.cells.image_contract import frames, randomise


def weights(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(
    ("hidden", "kernels", "published"),
    [
        ((256,), (5, 5), 13_524_496),
        ((128, 128), (5, 5), 10_042_896),
        ((128, 64, 64), (5, 5), 7_585_296),
        ((128, 128), (9, 1), 11_550_224),
        ((128, 64, 64), (9, 1), 8_830_480),
    ],
)
def test_weights_of_2015(hidden, kernels, published):
    """Table 1 of Shi et al. (2015)."""
    with torch.device("meta"):
        network = shi2015(hidden, input_kernel=kernels[0], state_kernel=kernels[1])
    assert weights(network) == published
    assert network(torch.empty(2, 10, 1, 64, 64, device="meta"), 10).shape == (2, 10, 1, 64, 64)


@pytest.mark.parametrize(("cell", "published"), [("trajgru", 12_150_053), ("convgru", 13_649_081)])
def test_weights_of_hko7(cell, published):
    with torch.device("meta"):
        network = hko7(cell)
    assert weights(network) == published
    states = network.encode(torch.empty(1, 5, 1, 480, 480, device="meta"))
    assert [tuple(state[0].shape[1:]) for state in states] == [(64, 96, 96), (192, 32, 32), (192, 16, 16)]
    assert network.forecast(states, 20, (480, 480)).shape == (1, 20, 1, 480, 480)


@pytest.mark.parametrize(
    ("cell", "published"),
    [
        ("trajgru-l5", 2_842_157),
        ("trajgru-l9", 3_421_277),
        ("trajgru-l13", 4_000_397),
        ("trajgru-l17", 4_579_517),
        ("convgru-k3d2", 2_604_817),
        ("convgru-k5d1", 4_767_505),
        ("convgru-k7d1", 8_011_537),
    ],
)
def test_weights_of_moving_mnist_pp(cell, published):
    with torch.device("meta"):
        network = moving_mnist_pp(cell)
    assert weights(network) == published
    states = network.encode(torch.empty(1, 10, 1, 64, 64, device="meta"))
    assert [tuple(state[0].shape[1:]) for state in states] == [(64, 64, 64), (96, 32, 32), (96, 16, 16)]
    assert network.forecast(states, 10, (64, 64)).shape == (1, 10, 1, 64, 64)


def test_convlstm_on_the_hko7_network():
    with torch.device("meta"):
        assert hko7("convlstm")(torch.empty(1, 2, 1, 480, 480, device="meta"), 3).shape == (1, 3, 1, 480, 480)


def small(cell=ConvGRU) -> EncoderForecaster:
    """The shape of the HKO-7 network, two stages, few channels."""
    return EncoderForecaster(
        [
            Stage(3, lambda inputs, channels: cell(inputs, channels, 3, 3), down=Resampling(2, 7, 5, 1), up=Resampling(2, 7, 5, 1)),
            Stage(4, lambda inputs, channels: cell(inputs, channels, 3, 3), down=Resampling(4, 3, 2, 1), up=Resampling(4, 4, 2, 1)),
        ],
        coordinates=True,
        tail=2,
    )


def test_2015_written_out():
    """Two layers: the encoder's states, the forecaster from the top down, all its outputs into the last convolution."""
    network = randomise(shi2015((3, 2), input_kernel=3, state_kernel=3, patch=2).double())
    past = frames(1, 4, 1, 6, 8)
    patches = nn.functional.pixel_unshuffle(past, 2)
    low, low_state = unroll(network.readers[0], patches)
    _, high_state = unroll(network.readers[1], low)
    above, _ = unroll(network.writers[0], None, high_state, steps=3)
    below, _ = unroll(network.writers[1], above, low_state)
    both = torch.cat((above, below), dim=2)
    expected = torch.stack([nn.functional.pixel_shuffle(network.head(both[:, step]), 2) for step in range(3)], dim=1)
    torch.testing.assert_close(network(past, 3), expected, rtol=0, atol=1e-12)


def test_2017_written_out():
    """Two stages, frame by frame, with plain torch layers."""
    network, leaky = randomise(small().double()), nn.LeakyReLU(0.2)
    past = frames(1, 2, 1, 20, 30)
    x, y = torch.meshgrid(*(torch.linspace(-1, 1, side, dtype=torch.float64) for side in (30, 20)), indexing="xy")
    layers = torch.stack((x, y, torch.ones_like(x)))[None]
    fine = torch.zeros(1, 3, 4, 6, dtype=torch.float64)
    coarse = torch.zeros(1, 4, 2, 3, dtype=torch.float64)

    def go(cell, frame, h):
        terms = None if frame is None else tuple(term[0] for term in cell.project(frame[None]))
        return cell.step(terms, (h,))[0]

    for step in range(2):
        fine = go(network.readers[0], leaky(network.down[0](torch.cat((past[:, step], layers), dim=1))), fine)
        coarse = go(network.readers[1], leaky(network.down[1](fine)), coarse)
    made = network(past, 3)
    for step in range(3):
        coarse = go(network.writers[0], None, coarse)
        fine = go(network.writers[1], leaky(network.up[0](coarse)), fine)
        frame = network.head(leaky(network.tail(leaky(network.up[1](fine)))))
        torch.testing.assert_close(made[:, step], frame, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", [ConvGRU, ConvLSTM])
def test_every_weight_gets_a_gradient(cell):
    network = randomise(small(cell).double())
    network(frames(2, 3, 1, 20, 30), 3).square().sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_every_weight_of_2015_gets_a_gradient():
    network = randomise(shi2015((3, 2), input_kernel=3, state_kernel=3, patch=2).double())
    network(frames(2, 3, 1, 8, 8), 3).square().sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()] == []


@pytest.mark.parametrize("grid", [(20, 30), (21, 33), (24, 26), (37, 45), (11, 64)])
@torch.no_grad()
def test_any_grid(grid):
    """Also where 5 and 2 do not divide it."""
    assert small()(torch.rand(2, 2, 1, *grid), 2).shape == (2, 2, 1, *grid)


@torch.no_grad()
def test_more_steps_do_not_change_the_first():
    network = small()
    past = torch.rand(1, 3, 1, 20, 30)
    torch.testing.assert_close(network(past, 5)[:, :2], network(past, 2))


@torch.no_grad()
def test_the_past_in_two_halves():
    network = randomise(small().double())
    past = frames(1, 4, 1, 20, 30)
    halves = network.encode(past[:, 2:], network.encode(past[:, :2]))
    torch.testing.assert_close(network.forecast(halves, 3, (20, 30)), network(past, 3))


def test_weights_go_out_and_in():
    first, second, past = small(), small(), torch.rand(1, 2, 1, 20, 20)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(second(past, 2), first(past, 2), rtol=0, atol=0)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="one stage or more"):
        EncoderForecaster([])
    with pytest.raises(ValueError, match="one grid"):
        EncoderForecaster([Stage(2, ConvGRU, down=Resampling(2, 3, 2, 1))], join_all=True)
    with pytest.raises(ValueError, match="whole 4 x 4 patches"):
        shi2015((2,))(torch.zeros(1, 1, 1, 10, 8), 1)
    with pytest.raises(ValueError, match="trajgru-l5"):
        moving_mnist_pp("trajgru-l6")
