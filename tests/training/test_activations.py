from functools import partial

import pytest
import torch
from torch import nn

from stormcell.cells.conv_tt_lstm import ConvTTLSTM
from stormcell.cells.convgru import ConvGRU
from stormcell.cells.convlstm import ConvLSTM
from stormcell.networks.architectures import build_network
from stormcell.networks.autoregressive import NextFrame
from stormcell.networks.conv_tt import SkipStack
from stormcell.training.activations import watching

SMALL = {
    "convlstm": {"hidden": [4, 4], "patch": 2},
    "fc-lstm": {"rows": 8, "columns": 8, "units": [6, 5]},
    "predrnn": {"hidden": 4, "layers": 2, "kernel": 3},
    "pyramid": {"cell": "trajgru", "hidden": [4, 6], "links": 2},
}
PAST = torch.rand(2, 3, 1, 8, 8, generator=torch.Generator().manual_seed(1))


class Fixed(nn.Module):
    """A cell whose activations are known: channels 0 and 1 of a sigmoid, then a leaky ReLU."""

    def project(self, inputs):
        return (inputs,)

    def step(self, projected, state):
        torch.sigmoid(projected[0])
        nn.functional.leaky_relu(projected[0])
        return projected[0], state


@pytest.fixture(params=["conv-tt", *SMALL])
def network(request):
    torch.manual_seed(0)
    if request.param == "conv-tt":
        cell = partial(ConvTTLSTM, kernel=3, order=2, steps=2, rank=2)
        return NextFrame(SkipStack(1, cell, blocks=(2, 2, 2, 2), layers=1)).eval()
    return build_network(request.param, SMALL[request.param]).eval()


def test_shares_by_hand():
    cell = Fixed()
    with watching(cell) as watch, watch:
        #          channel 0   1
        cell.step((torch.tensor([[9.0, 0.0], [-9.0, -1.0]]),), ())  # (batch, channel)
        cell.step((torch.tensor([[9.0, 9.0], [9.0, -1.0]]),), ())
    sigmoid, leaky = watch.results()
    assert sigmoid == ("cell", "sigmoid", 5 / 8, 0.5)  # channel 0 always saturated, channel 1 once
    assert leaky == ("cell", "leaky_relu", 3 / 8, 0.0)


def test_gates_of_one_step_are_units_of_their_own():
    cell = ConvLSTM(1, 3, 1, 1)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.state_convolution.bias[3:6] = 100.0  # the forget gates
        cell.state_convolution.bias[6:8] = -100.0  # two of the three g
    with watching(cell) as watch, watch:
        state = cell.initial_state(torch.zeros(2, 1, 4, 5))
        for _ in range(3):
            state = cell.step(None, state)[1]
    found = {flat.kind: flat for flat in watch.results()}
    assert found["sigmoid"].share == found["sigmoid"].dead == pytest.approx(1 / 3)  # f of i, f, o
    # g: 2 of 3; c' = -i (1, 2, 3 steps) = -0.5, -1, -1.5 there, not saturated
    assert found["tanh"].share == found["tanh"].dead == pytest.approx(2 / 6)


def test_the_negative_side_of_a_gru():
    cell = ConvGRU(1, 4, 1, 1)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.input_convolution.bias[8:] = torch.tensor([-1.0, -1.0, -1.0, 1.0])
    with watching(cell) as watch, watch:
        cell.step(tuple(term[0] for term in cell.project(torch.zeros(1, 2, 1, 3, 3))), cell.initial_state(torch.zeros(2, 1, 3, 3)))
    assert {flat.kind: (flat.share, flat.dead) for flat in watch.results()} == {"sigmoid": (0.0, 0.0), "leaky_relu": (0.75, 0.75)}


def test_watching_changes_nothing(network):
    before = {name: dict(vars(part)) for name, part in network.named_modules()}
    with torch.no_grad():
        plain = network(PAST, 2)
        with watching(network) as watch:
            with watch:
                seen = network(PAST, 2)
    torch.testing.assert_close(seen, plain, rtol=1e-5, atol=1e-6)
    for name, part in network.named_modules():
        assert vars(part).keys() == before[name].keys()
        assert all(vars(part)[key] is before[name][key] for key in ("combine", "step", "advance") if key in before[name])


def test_every_network_has_cells_that_are_seen(network):
    with watching(network) as watch, watch:
        network(PAST, 2)
    flats = watch.results()
    cells = [name for name, part in network.named_modules() if hasattr(part, "step")]
    leaves = {cell for cell in cells if not any(other.startswith(f"{cell}.") for other in cells)}
    flows = {f"{cell}.flows" for cell in leaves if hasattr(network.get_submodule(cell), "flows")}
    assert {flat.cell for flat in flats} - {"between cells"} == leaves | flows
    assert all(0 <= flat.dead <= flat.share <= 1 for flat in flats)
    assert {flat.kind for flat in flats if flat.cell in leaves} >= {"sigmoid"}


def test_a_network_that_stops_is_put_back():
    cell = ConvGRU(1, 2)
    before = cell.combine
    with pytest.raises(RuntimeError, match="stop"):
        with watching(cell):
            raise RuntimeError("stop")
    assert cell.combine is before and "step" not in vars(cell)
