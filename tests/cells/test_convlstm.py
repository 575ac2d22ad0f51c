"""ConvLSTM: twins (torch's LSTM cell, a loop over pixels), and what holds for every such cell."""

import pytest
import torch

from stormcell.cells.cell import unroll
from stormcell.cells.convlstm import ConvLSTM
from tests.cells.image_contract import ImageCellContract, frames, randomise


class TestConvLSTM(ImageCellContract):
    def build(self, inputs=2):
        return ConvLSTM(inputs, 3, 3, 3)

    def even_kernel(self):
        return ConvLSTM(2, 3, 4, 3)


class TestDilatedWithoutPeepholes(ImageCellContract):
    def build(self, inputs=2):
        return ConvLSTM(inputs, 3, 3, 3, dilation=2, peepholes=False)

    def even_kernel(self):
        return ConvLSTM(2, 3, 3, 2, peepholes=False)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_one_pixel_is_the_lstm_of_torch(dtype, tolerance):
    cell = randomise(ConvLSTM(4, 5, 1, 1, peepholes=False).to(dtype))
    twin = torch.nn.LSTMCell(4, 5, dtype=dtype)
    with torch.no_grad():
        twin.weight_ih.copy_(cell.input_convolution.weight[:, :, 0, 0])
        twin.weight_hh.copy_(cell.state_convolution.weight[:, :, 0, 0])
        twin.bias_ih.copy_(cell.state_convolution.bias)
        twin.bias_hh.zero_()
    x = frames(3, 6, 4, 1, 1, dtype=dtype)
    outputs, (_, c) = unroll(cell, x)
    other_h = other_c = torch.zeros(3, 5, dtype=dtype)
    total = 0
    for step in range(6):
        other_h, other_c = twin(x[:, step, :, 0, 0], (other_h, other_c))
        torch.testing.assert_close(outputs[:, step, :, 0, 0], other_h, rtol=0, atol=tolerance)
        total = total + other_h.square().sum()
    torch.testing.assert_close(c[:, :, 0, 0], other_c, rtol=0, atol=tolerance)
    outputs.square().sum().backward()
    total.backward()
    for mine, theirs in (
        (cell.input_convolution.weight, twin.weight_ih),
        (cell.state_convolution.weight, twin.weight_hh),
        (cell.state_convolution.bias, twin.bias_ih),
    ):
        torch.testing.assert_close(mine.grad.reshape(theirs.shape), theirs.grad, rtol=tolerance, atol=tolerance)


def _at(weight, image, row, column, dilation):
    """One pixel of a convolution, tap by tap; zeros outside."""
    middle = weight.shape[-1] // 2
    total = torch.zeros(weight.shape[0], dtype=torch.float64)
    for tap_row in range(weight.shape[-2]):
        for tap_column in range(weight.shape[-1]):
            y, x = row + dilation * (tap_row - middle), column + dilation * (tap_column - middle)
            if 0 <= y < image.shape[-2] and 0 <= x < image.shape[-1]:
                total += weight[:, :, tap_row, tap_column] @ image[:, y, x]
    return total


@pytest.mark.parametrize(("input_kernel", "state_kernel", "dilation"), [(3, 5, 1), (5, 3, 2), (1, 3, 1)])
@torch.no_grad()
def test_pixel_by_pixel(input_kernel, state_kernel, dilation):
    """The equations of the paper, one pixel at a time."""
    cell = randomise(ConvLSTM(2, 3, input_kernel, state_kernel, dilation=dilation).double())
    x = frames(1, 3, 2, 4, 5)
    outputs, _ = unroll(cell, x)
    w_ci, w_cf, w_co = cell.peepholes
    h = c = torch.zeros(3, 4, 5, dtype=torch.float64)
    for step in range(3):
        new_h, new_c = torch.empty_like(h), torch.empty_like(c)
        for row in range(4):
            for column in range(5):
                gates = _at(cell.input_convolution.weight, x[0, step], row, column, 1)
                gates = gates + _at(cell.state_convolution.weight, h, row, column, dilation) + cell.state_convolution.bias
                i, f, g, o = gates.chunk(4)
                before = c[:, row, column]
                i, f = torch.sigmoid(i + w_ci * before), torch.sigmoid(f + w_cf * before)
                after = f * before + i * torch.tanh(g)
                new_c[:, row, column] = after
                new_h[:, row, column] = torch.sigmoid(o + w_co * after) * torch.tanh(after)
        h, c = new_h, new_c
        torch.testing.assert_close(outputs[0, step], h, rtol=0, atol=1e-12)


def test_parameters_of_a_layer():
    """The counts of Shi et al. (2015): both kernels, three peepholes and four biases a channel."""
    cell = ConvLSTM(16, 8, 5, 3)
    assert sum(weight.numel() for weight in cell.parameters()) == 25 * 16 * 32 + 9 * 8 * 32 + 7 * 8


def test_first_weights():
    cell = ConvLSTM(16, 32, 5, 5)
    bound = (6 / (25 * (16 + 32))) ** 0.5
    assert 0.97 * bound < cell.input_convolution.weight.abs().max() <= bound
    assert not cell.state_convolution.bias.any() and not cell.peepholes.any()
