"""A network taken apart makes the same forecast as the whole."""

import pytest
import torch
from torch import nn

from stormcell.cells.normalization import NORMALISERS
from stormcell.errors import MethodError
from stormcell.networks.architectures import build_network
from stormcell.runtimes.stepping import SteppedFrames, SteppedResidual, eager
from stormcell.runtimes.steps import steps_of

NETWORKS = {
    "convgru": ("pyramid", {"cell": "convgru", "hidden": [4, 6], "tail": 4}),
    "convlstm": ("pyramid", {"cell": "convlstm", "hidden": [4, 6], "tail": None}),
    "trajgru": ("pyramid", {"cell": "trajgru", "hidden": [4, 6], "tail": 4, "links": 3}),
    "convlstm-2015": ("convlstm", {"hidden": [4, 4], "input_kernel": 3, "state_kernel": 3, "patch": 2}),
    "predrnn": ("predrnn", {"hidden": 4, "layers": 2, "kernel": 3, "patch": 4}),
}


def built(network: str, settings: dict) -> nn.Module:
    torch.manual_seed(0)
    made = build_network(network, settings).requires_grad_(False).eval()
    for weight in made.parameters():  # what begins at zero would hide a mistake
        if not weight.any():
            nn.init.normal_(weight, std=0.1)
    return made


@pytest.mark.parametrize("name", NETWORKS)
def test_the_two_steps_make_the_forecast_of_the_network(name):
    network = built(*NETWORKS[name])
    steps = steps_of(network)
    past = torch.rand(2, 3, 1, 2 * steps.multiple, 3 * steps.multiple)
    stepped = SteppedFrames(steps, eager(steps.encoder), eager(steps.forecaster))
    torch.testing.assert_close(stepped(past, 4), network(past, 4), rtol=0, atol=2e-6)


@pytest.mark.parametrize("leads", [4, 5])  # whole steps of the forecaster, and not
def test_the_two_steps_make_what_a_guided_network_adds(leads):
    network = built("guided", {"levels": [0.5, 2.0, 5.0], "hidden": [4, 6], "tail": 4})
    steps = steps_of(network)
    past, motion = torch.rand(2, 3, 8, 12), torch.randn(2, 2, 8, 12)
    known, guess = (torch.rand(2, 3, 8, 12) > 0.2).float(), torch.rand(2, leads, 8, 12)
    stepped = SteppedResidual(steps, eager(steps.encoder), eager(steps.forecaster), network.residual)
    torch.testing.assert_close(stepped(past, known, guess, motion), network.residual(past, known, guess, motion), rtol=0, atol=2e-6)


def test_what_has_no_step_of_its_own_is_told_of():
    with pytest.raises(MethodError, match="no step of its own"):
        steps_of(built("fc-lstm", {"rows": 8, "columns": 8, "units": [4]}))
    with pytest.raises(MethodError, match="bound to one grid"):
        steps_of(built("pyramid", {"hidden": [4], "coordinates": True}))
    with pytest.raises(MethodError, match="no step of its own"):
        steps_of(built("guided", {"network": False}))


def test_sides_that_do_not_fit_are_refused():
    steps = steps_of(network := built(*NETWORKS["convgru"]))
    with pytest.raises(ValueError, match="multiples of 4"):
        SteppedFrames(steps, eager(steps.encoder), eager(steps.forecaster))(torch.rand(1, 3, 1, 8, 10), 2)
    assert network.patch == 2


@pytest.mark.parametrize("normaliser", [name for name in NORMALISERS if name != "batch"])
def test_normalised_cells_can_be_taken_apart(normaliser):
    name, settings = NETWORKS["convgru"]
    network = built(name, settings | {"normalise": normaliser})
    steps = steps_of(network)
    past = torch.rand(1, 3, 1, 8, 8)
    torch.testing.assert_close(
        SteppedFrames(steps, eager(steps.encoder), eager(steps.forecaster))(past, 2), network(past, 2), rtol=0, atol=1e-5
    )
