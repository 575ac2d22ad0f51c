"""ConvGRU: its twin, torch's GRU cell, and what holds for every such cell."""

import pytest
import torch

from stormcell.cells.cell import unroll
from stormcell.cells.convgru import ConvGRU
from tests.cells.image_contract import ImageCellContract, frames, randomise


class TestConvGRU(ImageCellContract):
    def build(self, inputs=2):
        return ConvGRU(inputs, 3, 3, 5)

    def even_kernel(self):
        return ConvGRU(2, 3, 3, 4)


class TestDilatedTanh(ImageCellContract):
    def build(self, inputs=2):
        return ConvGRU(inputs, 3, 3, 3, dilation=2, activation=torch.tanh)

    def even_kernel(self):
        return ConvGRU(2, 3, 2, 3)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_one_pixel_is_the_gru_of_torch(dtype, tolerance):
    cell = randomise(ConvGRU(4, 5, 1, 1, activation=torch.tanh).to(dtype))
    twin = torch.nn.GRUCell(4, 5, dtype=dtype)
    with torch.no_grad():
        for mine, weight, bias in (
            (cell.input_convolution, twin.weight_ih, twin.bias_ih),
            (cell.state_convolution, twin.weight_hh, twin.bias_hh),
        ):
            weight.copy_(mine.weight[:, :, 0, 0])
            bias.copy_(mine.bias)
    x = frames(3, 6, 4, 1, 1, dtype=dtype)
    outputs, _ = unroll(cell, x)
    h, total = torch.zeros(3, 5, dtype=dtype), 0
    for step in range(6):
        h = twin(x[:, step, :, 0, 0], h)
        torch.testing.assert_close(outputs[:, step, :, 0, 0], h, rtol=0, atol=tolerance)
        total = total + h.square().sum()
    outputs.square().sum().backward()
    total.backward()
    for mine, theirs in (
        (cell.input_convolution.weight, twin.weight_ih),
        (cell.state_convolution.weight, twin.weight_hh),
        (cell.input_convolution.bias, twin.bias_ih),
        (cell.state_convolution.bias, twin.bias_hh),
    ):
        torch.testing.assert_close(mine.grad.reshape(theirs.shape), theirs.grad, rtol=tolerance, atol=tolerance)


@torch.no_grad()
def test_the_update_gate_keeps_the_old_state():
    cell = randomise(ConvGRU(2, 3, 3, 3).double())
    cell.input_convolution.bias[3:6] = 100  # u = 1
    h = frames(1, 3, 4, 4)
    after, _ = unroll(cell, frames(1, 2, 2, 4, 4), (h,))
    torch.testing.assert_close(after[:, -1], h)


@torch.no_grad()
def test_the_reset_gate_acts_after_the_convolution():
    """By hand, at one pixel of one channel: x = 0, h = -2, all weights 1, biases 0, so r = u = sig(-2) and h' = leaky(r h)."""
    cell = ConvGRU(1, 1, 1, 1).double()
    for convolution in (cell.input_convolution, cell.state_convolution):
        convolution.weight.fill_(1)
        convolution.bias.zero_()
    h = torch.full((1, 1, 1, 1), -2.0, dtype=torch.float64)
    gate = 1 / (1 + torch.tensor(2.0, dtype=torch.float64).exp())
    after, _ = unroll(cell, torch.zeros(1, 1, 1, 1, 1, dtype=torch.float64), (h,))
    assert after.item() == pytest.approx((gate * -2 + (1 - gate) * 0.2 * gate * -2).item(), abs=1e-15)


def test_first_weights():
    cell = ConvGRU(16, 32, 3, 3)
    spread = (2 / (1.04 * 9 * (32 + 96) / 2)) ** 0.5
    assert cell.state_convolution.weight.std().item() == pytest.approx(spread, rel=0.05)
    assert not cell.state_convolution.bias.any() and not cell.input_convolution.bias.any()
