"""First weights from a trained network."""

import pytest
import torch

from stormcell.errors import ReadError, TrainingError
from stormcell.networks.architectures import build_network
from stormcell.networks.checkpoint import ModelConfig, save_checkpoint
from stormcell.training.initial import take_weights

SHALLOW = {"hidden": [4], "input_kernel": 3, "state_kernel": 3}


@pytest.fixture
def shallow(tmp_path):
    network = build_network("convlstm", SHALLOW)
    config = ModelConfig("convlstm", dict(SHALLOW), step_minutes=5.0, pixel_km=1.0, past_steps=2, future_steps=2)
    save_checkpoint(tmp_path / "shallow", network, config, title="shallow")
    return network, tmp_path / "shallow"


def test_the_same_network_takes_all(shallow):
    trained, folder = shallow
    fresh = build_network("convlstm", SHALLOW)
    assert take_weights(fresh, folder) == 1.0
    past = torch.rand(1, 2, 1, 8, 8)
    assert torch.equal(fresh(past, 2), trained(past, 2))


def test_a_deeper_one_takes_the_layers_both_have(shallow):
    trained, folder = shallow
    deep = build_network("convlstm", SHALLOW | {"hidden": [4, 4]})
    drawn = deep.readers[1].state_convolution.weight.clone()
    assert 0.0 < take_weights(deep, folder) < 1.0
    assert torch.equal(deep.readers[0].input_convolution.weight, trained.readers[0].input_convolution.weight)
    assert torch.equal(deep.readers[1].state_convolution.weight, drawn)


def test_what_cannot_be_taken(shallow, tmp_path):
    with pytest.raises(TrainingError, match="no weight fits"):
        take_weights(build_network("predrnn", {"hidden": 4, "layers": 1}), shallow[1])
    with pytest.raises(ReadError):
        take_weights(build_network("convlstm", SHALLOW), tmp_path / "none")
