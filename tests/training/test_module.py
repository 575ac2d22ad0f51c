"""One step of training."""

import torch

from stormcell.cells.quantization import QUANTIZERS
from stormcell.config import TrainingConfig
from stormcell.networks.architectures import build_network
from stormcell.networks.losses import LOSSES
from stormcell.networks.representation import Representation
from stormcell.training.learning_rate import constant
from stormcell.training.module import NowcastModule


def test_levels_of_quantised_weights_are_made_once_a_step(monkeypatch):
    made = []
    monkeypatch.setitem(QUANTIZERS, "twn", lambda weight, curvature, real=QUANTIZERS["twn"]: made.append(1) or real(weight, curvature))
    network = build_network("convlstm", {"hidden": [4], "quantize": "twn"})
    module = NowcastModule(network, LOSSES["mse"], Representation(), 3, TrainingConfig(), sigmoid=False, schedule=constant, seed=1)
    module.loss_of(0, torch.rand(1, 6, 1, 8, 8)).backward()
    quantised = [name for name, _ in network.named_parameters() if name.endswith("original")]
    assert len(made) == len(quantised) == 3  # the forecaster's cell has no input
    assert all(weight.grad is not None for weight in network.parameters())
