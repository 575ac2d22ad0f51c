"""Networks from names and plain settings."""

import pytest
import torch

from stormcell.cells.quantization import QUANTIZERS
from stormcell.errors import MethodError
from stormcell.networks.architectures import ARCHITECTURES, build_network, image_multiple

SMALL = {
    "conv-tt": {"blocks": [4, 4, 4, 4], "layers": 1, "kernel": 3, "patch": 4},
    "convlstm": {"hidden": [4], "input_kernel": 3, "state_kernel": 3},
    "convlstm-12": {"blocks": [4, 4, 4, 4], "layers": 1, "kernel": 3, "patch": 4},
    "fc-lstm": {"rows": 16, "columns": 16, "units": [8, 4]},
    "hko7": {"cell": "convgru"},
    "moving-mnist-pp": {"cell": "convgru-k5d1"},
    "predrnn": {"hidden": 4, "layers": 2},
    "predrnn-v2": {"hidden": 4, "layers": 2},
    "pyramid": {"hidden": [4, 4], "links": 2, "cell": "trajgru"},
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_frames_in_frames_out(name):
    size = 64 if name == "hko7" else 16
    network = build_network(name, SMALL[name])
    past = torch.rand(2, 3, 1, size, size)
    forecast = network(past, 2)
    assert forecast.shape == (2, 2, 1, size, size)
    again = network(past, 2, truncate=9, checkpoint_every=2)  # no more than a way to train
    torch.testing.assert_close(again, forecast)
    weights = list(network.parameters())
    gradients = (torch.autograd.grad(made.square().sum(), weights, allow_unused=True) for made in (again, forecast))
    torch.testing.assert_close(*(tuple(gradient for gradient in each if gradient is not None) for each in gradients), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["convlstm", "fc-lstm", "predrnn", "pyramid"])
def test_truncation_cuts_what_the_first_frames_can_learn(name):
    network = build_network(name, SMALL[name])
    past = torch.rand(1, 4, 1, 16, 16, requires_grad=True)
    network(past, 1, truncate=2).square().sum().backward()
    reach = past.grad.abs().amax(dim=(0, 2, 3, 4))
    assert (reach[:2] == 0).all() and (reach[2:] > 0).all()


def test_the_network_of_2015_for_radar():
    network = build_network("convlstm", {"hidden": [64, 64], "input_kernel": 3, "state_kernel": 3, "patch": 2})
    assert sum(weight.numel() for weight in network.parameters()) == 896_260  # Shi et al. (2015), section 4.2


def test_normalised_and_quantised():
    network = build_network("convlstm", {**SMALL["convlstm"], "normalise": "layer", "quantize": "ter-connect"})
    assert network(torch.rand(1, 2, 1, 16, 16), 1).isfinite().all()
    cell = network.readers[0]
    assert set(cell.state_convolution.layer.weight.unique().tolist()) <= {-1.0, 0.0, 1.0}
    assert "ter-connect" in QUANTIZERS


def test_dropout_acts_in_training_only():
    network = build_network("pyramid", {"hidden": [8, 8], "dropout": 0.5})
    past = torch.rand(1, 3, 1, 16, 16)
    assert not torch.equal(network(past, 2), network(past, 2))
    network.eval()
    assert torch.equal(network(past, 2), network(past, 2))


@pytest.mark.parametrize(("name", "multiple"), [("convlstm", 4), ("pyramid", 4), ("predrnn", 4), ("hko7", 30)])
def test_whole_images(name, multiple):
    assert image_multiple(build_network(name, SMALL[name])) == multiple


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("magic", {}, "unknown network 'magic': expected one of conv-tt"),
        ("pyramid", {"colour": 3}, "no setting 'colour': expected some of cell, hidden"),
        ("pyramid", {"channels": 3}, "no setting 'channels'"),
        ("pyramid", {"cell": "magic"}, "expected a cell out of convgru, convlstm, trajgru, got 'magic'"),
        ("pyramid", {"dropout": 1.0}, "dropout from 0 to below 1"),
        ("pyramid", {"normalise": "magic"}, "unknown normaliser"),
        ("pyramid", {"quantize": "magic"}, "unknown scheme"),
        ("fc-lstm", {"normalise": "layer"}, "no cells of convolutions"),
        ("pyramid", {"patch": 0}, "patches of one pixel or more, got 0"),
        ("predrnn", {"patch": -1, "hidden": 4, "layers": 1}, "patches of one pixel or more, got -1"),
        ("conv-tt", {"blocks": [4, 4, 4]}, "channels of four blocks, got \\[4, 4, 4\\]"),
        ("fc-lstm", {"rows": 0}, "one number or more in a frame"),
        ("fc-lstm", {"units": []}, "one layer or more"),
    ],
)
def test_what_does_not_fit_is_said(name, settings, message):
    with pytest.raises(MethodError, match=message):
        build_network(name, settings)
