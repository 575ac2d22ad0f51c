"""ConvTTLSTM: the chain written out, its special cases, and what holds for every such cell."""

import pytest
import torch
from torch.nn import functional

from stormcell.cells.cell import unroll
from stormcell.cells.conv_tt_lstm import ConvTTLSTM
from stormcell.cells.convlstm import ConvLSTM
from tests.cells.image_contract import ImageCellContract, frames, randomise


class TestSliding(ImageCellContract):
    def build(self, inputs=2):
        return ConvTTLSTM(inputs, 3, kernel=3, order=2, steps=3, rank=2)

    def even_kernel(self):
        return ConvTTLSTM(2, 3, kernel=4)


class TestFixed(ImageCellContract):
    def build(self, inputs=2):
        return ConvTTLSTM(inputs, 3, kernel=3, order=2, steps=2, rank=2, window="fixed")

    def even_kernel(self):
        return ConvTTLSTM(2, 3, kernel=2, window="fixed")


@pytest.mark.parametrize("window", ["sliding", "fixed"])
@pytest.mark.parametrize(("order", "steps"), [(3, 3), (2, 4), (1, 1), (1, 2)])
@torch.no_grad()
def test_the_chain_written_out(order, steps, window):
    """All past states kept, and a three-dimensional convolution over the window of each core."""
    channels, rank = 3, 2
    cell = randomise(ConvTTLSTM(2, channels, kernel=3, order=order, steps=steps, rank=rank, window=window).double())
    seen = steps if window == "fixed" else steps - order + 1
    kernels = cell.windows.weight.reshape(order, seen, rank, channels, 3, 3).permute(0, 2, 3, 1, 4, 5)
    x = frames(2, 6, 2, 4, 5)
    outputs, _ = unroll(cell, x)
    past = [torch.zeros(2, channels, 4, 5, dtype=torch.float64)] * steps
    c = past[0]
    for step in range(6):
        v = None
        for core in range(order):
            first = 0 if window == "fixed" else core
            states = torch.stack(past[first : first + seen], dim=2)
            w = functional.conv3d(states, kernels[core], cell.window_biases[core], padding=(0, 1, 1))
            assert w.shape[2] == 1
            v = w[:, :, 0] if v is None else w[:, :, 0] + cell.cores[core - 1](v)
        weight = torch.cat((cell.input_convolution.weight, cell.last_core.weight), dim=1)
        i, f, g, o = functional.conv2d(torch.cat((x[:, step], v), dim=1), weight, cell.last_core.bias, padding=1).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        past = [*past[1:], h]
        torch.testing.assert_close(outputs[:, step], h, rtol=0, atol=1e-12)


@torch.no_grad()
def test_one_core_that_copies_is_a_convlstm():
    cell = randomise(ConvTTLSTM(2, 3, kernel=3, order=1, steps=1, rank=3).double())
    cell.window_biases.zero_()
    cell.windows.weight.zero_()
    cell.windows.weight[:, :, 1, 1] = torch.eye(3, dtype=torch.float64)
    twin = ConvLSTM(2, 3, 3, 3, peepholes=False).double()
    twin.input_convolution.load_state_dict(cell.input_convolution.state_dict())
    twin.state_convolution.load_state_dict(cell.last_core.state_dict())
    x = frames(2, 4, 2, 5, 5)
    torch.testing.assert_close(unroll(cell, x)[0], unroll(twin, x)[0], rtol=0, atol=1e-12)


@torch.no_grad()
def test_first_weights():
    cell = ConvTTLSTM(16, 32, kernel=5)
    bound = (6 / (25 * (16 + 8 + 128))) ** 0.5
    assert 0.95 * bound < cell.last_core.weight.abs().max() <= bound
    assert 0.95 * bound < cell.input_convolution.weight.abs().max() <= bound
    assert not any(bias.any() for name, bias in cell.named_parameters() if "bias" in name)


@pytest.mark.parametrize("settings", [{"order": 0}, {"order": 4, "steps": 3}, {"window": "open"}])
def test_what_does_not_fit(settings):
    with pytest.raises(ValueError, match="ConvTTLSTM: expected"):
        ConvTTLSTM(2, 3, **settings)
