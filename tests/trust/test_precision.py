"""Networks in single precision beside the same weights in double."""

from typing import cast

import pytest
import torch
from torch import nn

from stormcell.data.synthetic import synthetic_storm
from stormcell.methods.learned import Learned
from stormcell.methods.trained_model import TrainedModel
from tests.trust.contract import NETWORKS


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name == "convlstm" else pytest.mark.slow) for name in NETWORKS])
def test_a_network_in_single_precision_is_near_itself_in_double(name):
    """To a hundred-thousandth of its scale, which is less than a thousandth of a decibel, over all the steps that it learnt."""
    model = TrainedModel(name)
    storm = synthetic_storm(model.config.past_steps, shape=(32, 32), seed=3).fillna(0.0)
    x = Learned(name).config.representation.forward(torch.from_numpy(storm.values))[None, :, None]
    network = cast("nn.Module", model.network)
    with torch.inference_mode():
        single = network(x, model.config.future_steps)
        double = network.double()(x.double(), model.config.future_steps)
    assert double.dtype == torch.float64 and single.dtype == torch.float32
    off = float((single - double).abs().max())
    assert off < 1e-5 and float(double.max()) > 0.2, off
