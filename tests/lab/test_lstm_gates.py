"""The opened LSTM is the LSTM; a gate that is held does what it says."""

import pytest
import torch

from stormcell.cells.cell import unroll
from stormcell.cells.lstm import LSTM
from stormcell.lab.lstm_gates import GATES, error_of, opened


@pytest.fixture
def cell():
    torch.manual_seed(0)
    return LSTM(3, 5, forget_bias=1.0).double()


def test_the_opened_cell_goes_through_the_same_states(cell):
    inputs = torch.randn(2, 7, 3, dtype=torch.float64)
    with torch.no_grad():
        inside = opened(cell, inputs)
    outputs, _ = unroll(cell, inputs)
    torch.testing.assert_close(inside["output"], outputs)
    for steps in range(1, 8):
        _, (h, c) = unroll(cell, inputs[:, :steps])
        torch.testing.assert_close(inside["output"][:, steps - 1], h)
        torch.testing.assert_close(inside["memory"][:, steps - 1], c)
    for name in GATES:
        assert inside[name].shape == (2, 7, 5) and 0 < float(inside[name].min()) and float(inside[name].max()) < 1


def test_gates_by_hand():
    with torch.no_grad():
        cell = LSTM(1, 1)
        cell.gates.input_weight.copy_(torch.tensor([[1.0], [0.0], [2.0], [0.0]]))  # i, f, g, o
        cell.gates.state_weight.zero_()
        cell.gates.bias.copy_(torch.tensor([0.0, 3.0, 0.0, -1.0]))
        inside = opened(cell, torch.tensor([[[1.0], [0.0]]]))
    i, f, o = (torch.sigmoid(torch.tensor(value)) for value in (1.0, 3.0, -1.0))
    first = i * torch.tanh(torch.tensor(2.0))
    torch.testing.assert_close(inside["memory"].flatten(), torch.stack([first, f * first]))
    torch.testing.assert_close(inside["output"].flatten(), o * torch.tanh(torch.stack([first, f * first])))


def test_a_gate_is_held(cell):
    inputs = torch.randn(1, 6, 3, dtype=torch.float64)
    shut = opened(cell, inputs, {"input gate": 0.0})
    assert not shut["memory"].any() and not shut["input gate"].any()
    kept = opened(cell, inputs, {"forget gate": 1.0, "input gate": 1.0})
    torch.testing.assert_close(kept["memory"], kept["candidate"].cumsum(1))


def test_silence_has_an_error_of_1():
    head, answers = torch.nn.Linear(1, 1), torch.tensor([[0.5, 0.0, -0.25]])
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    assert error_of(head, {"output": torch.randn(1, 3, 1)}, answers) == pytest.approx(1.0)
