import math

import pytest
import torch

from stormcell.cells.cell import unroll
from stormcell.cells.lstm import LSTM
from tests.cells.torch_twins import check_twin


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_torch(layers, dtype):
    check_twin(LSTM, torch.nn.LSTM(3, 5, layers, batch_first=True, dtype=dtype))


def test_peepholes_by_hand():
    # all weights and biases 0 but the peepholes: i and f see the old c, o the new one
    cell = LSTM(1, 1, peepholes=True).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.gates.bias[2] = 0.5  # g
        cell.peepholes.copy_(torch.tensor([[0.3], [-0.2], [0.7]], dtype=torch.float64))

    def sigmoid(value):
        return 1 / (1 + math.exp(-value))

    c = 1.5
    after = sigmoid(-0.2 * c) * c + sigmoid(0.3 * c) * math.tanh(0.5)
    h = sigmoid(0.7 * after) * math.tanh(after)
    state = (torch.zeros(1, 1, dtype=torch.float64), torch.full((1, 1), c, dtype=torch.float64))
    outputs, last = unroll(cell, torch.zeros(1, 1, 1, dtype=torch.float64), state)
    assert [part.item() for part in (outputs, *last)] == pytest.approx([h, h, after], abs=1e-15)


def test_peepholes_of_zero_change_nothing():
    torch.manual_seed(0)
    plain, peeping = LSTM(3, 4), LSTM(3, 4, peepholes=True)
    peeping.load_state_dict(plain.state_dict(), strict=False)
    inputs = torch.randn(2, 5, 3)
    torch.testing.assert_close(unroll(peeping, inputs)[0], unroll(plain, inputs)[0], rtol=0, atol=0)


def test_forget_bias_is_the_forget_gates():
    assert LSTM(3, 2, forget_bias=1.5).gates.bias.tolist() == [0, 0, 1.5, 1.5, 0, 0, 0, 0]


def test_parameters_are_counted():
    def count(cell):
        return sum(parameter.numel() for parameter in cell.parameters())

    assert count(LSTM(3, 5)) == 4 * 5 * (3 + 5 + 1)
    assert count(LSTM(3, 5, peepholes=True)) == 4 * 5 * (3 + 5 + 1) + 3 * 5
    assert count(LSTM(None, 5)) == 4 * 5 * (5 + 1)
