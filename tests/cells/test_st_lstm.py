"""ST-LSTM: its equations one by one, its special case, and what holds for every such cell."""

import torch
from torch.nn import functional

from stormcell.cells.cell import unroll
from stormcell.cells.st_lstm import STLSTM
from tests.cells.image_contract import ImageCellContract, frames, randomise


class TestSTLSTM(ImageCellContract):
    def build(self, inputs=2):
        return STLSTM(inputs, 3, 3)

    def even_kernel(self):
        return STLSTM(2, 3, 4)


@torch.no_grad()
def test_equation_by_equation():
    cell = randomise(STLSTM(2, 3, 3).double())
    x, (h, c, m) = frames(2, 1, 2, 4, 5), (frames(2, 3, 4, 5, seed=seed) for seed in (2, 3, 4))

    def convolve(weight, image):
        return functional.conv2d(image, weight, padding=weight.shape[-1] // 2)

    w_xi, w_xf, w_xg, w_xo, v_xi, v_xf, v_xg = cell.input_convolution.weight.chunk(7)
    w_hi, w_hf, w_hg, w_ho = cell.state_convolution.weight.chunk(4)
    v_mi, v_mf, v_mg = cell.memory_convolution.weight.chunk(3)
    w_co, w_mo = cell.output_convolution.weight.chunk(2, dim=1)
    w_c, w_m = cell.mix.weight.chunk(2, dim=1)
    frame = x[:, 0]
    delta_c = torch.sigmoid(convolve(w_xi, frame) + convolve(w_hi, h)) * torch.tanh(convolve(w_xg, frame) + convolve(w_hg, h))
    new_c = torch.sigmoid(convolve(w_xf, frame) + convolve(w_hf, h) + 1) * c + delta_c
    delta_m = torch.sigmoid(convolve(v_xi, frame) + convolve(v_mi, m)) * torch.tanh(convolve(v_xg, frame) + convolve(v_mg, m))
    new_m = torch.sigmoid(convolve(v_xf, frame) + convolve(v_mf, m) + 1) * m + delta_m
    o = torch.sigmoid(convolve(w_xo, frame) + convolve(w_ho, h) + convolve(w_co, new_c) + convolve(w_mo, new_m))
    new_h = o * torch.tanh(convolve(w_c, new_c) + convolve(w_m, new_m))

    outputs, state = unroll(cell, x, (h, c, m))
    torch.testing.assert_close(outputs[:, 0], new_h, rtol=0, atol=1e-12)
    torch.testing.assert_close(state, (new_h, new_c, new_m), rtol=0, atol=1e-12)
    _, increments = cell.advance(tuple(term[0] for term in cell.project(x.transpose(0, 1))), (h, c, m))
    torch.testing.assert_close(increments, (delta_c, delta_m), rtol=0, atol=1e-12)


def test_without_the_second_memory_it_is_the_lstm_of_torch():
    """1x1 kernels, no sight of m, c passed on as it is; the fixed 1 of the forget gate as a bias."""
    cell = randomise(STLSTM(4, 5, 1).double())
    twin = torch.nn.LSTMCell(4, 5, dtype=torch.float64)
    with torch.no_grad():
        cell.output_convolution.weight.zero_()
        cell.mix.weight.zero_()
        cell.mix.weight[:, :5, 0, 0] = torch.eye(5, dtype=torch.float64)
        twin.weight_ih.copy_(cell.input_convolution.weight[:20, :, 0, 0])
        twin.weight_hh.copy_(cell.state_convolution.weight[:, :, 0, 0])
        twin.bias_ih.zero_()
        twin.bias_hh.zero_()
        twin.bias_hh[5:10] = 1
    x = frames(3, 6, 4, 1, 1)
    outputs, _ = unroll(cell, x)
    state = None
    for step in range(6):
        state = twin(x[:, step, :, 0, 0], state)
        torch.testing.assert_close(outputs[:, step, :, 0, 0], state[0], rtol=0, atol=1e-12)


def test_parameters_of_a_layer():
    cell = STLSTM(16, 8, 5)
    assert sum(weight.numel() for weight in cell.parameters()) == 25 * (16 * 56 + 8 * 32 + 8 * 24 + 16 * 8) + 16 * 8
