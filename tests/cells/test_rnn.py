import pytest
import torch

from stormcell.cells.cell import unroll
from stormcell.cells.rnn import RNN
from tests.cells.torch_twins import check_twin


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_torch(activation, layers, dtype):
    check_twin(
        lambda inputs, units: RNN(inputs, units, activation=activation),
        torch.nn.RNN(3, 5, layers, nonlinearity=activation, batch_first=True, dtype=dtype),
    )


def test_back_propagation_through_two_steps_by_hand():
    # h1 = tanh(w x1 + b), h2 = tanh(w x2 + u h1 + b), loss = h2; with d_t = 1 - h_t^2:
    # dh2/dw = d2 (x2 + u d1 x1), dh2/du = d2 (h1 + u d1 h0), dh2/db = d2 (1 + u d1), here with h0 = 0
    cell = RNN(1, 1).double()
    w, u, b = 0.7, -1.3, 0.2
    with torch.no_grad():
        cell.gates.input_weight.fill_(w)
        cell.gates.state_weight.fill_(u)
        cell.gates.bias.fill_(b)
    x1, x2 = torch.tensor([0.5, -0.4], dtype=torch.float64)
    outputs, _ = unroll(cell, torch.stack((x1, x2)).reshape(1, 2, 1))
    outputs[0, 1, 0].backward()
    h1 = torch.tanh(w * x1 + b)
    h2 = torch.tanh(w * x2 + u * h1 + b)
    d1, d2 = 1 - h1**2, 1 - h2**2
    assert outputs.flatten().tolist() == pytest.approx([float(h1), float(h2)], abs=1e-15)
    assert float(cell.gates.input_weight.grad) == pytest.approx(float(d2 * (x2 + u * d1 * x1)), abs=1e-15)
    assert float(cell.gates.state_weight.grad) == pytest.approx(float(d2 * h1), abs=1e-15)
    assert float(cell.gates.bias.grad) == pytest.approx(float(d2 * (1 + u * d1)), abs=1e-15)


@pytest.mark.parametrize(("inputs", "units", "activation"), [(3, 4, "sigmoid"), (-1, 4, "tanh"), (3, 0, "tanh")])
def test_what_cannot_be_built(inputs, units, activation):
    with pytest.raises(ValueError, match="activation|units"):
        RNN(inputs, units, activation=activation)
