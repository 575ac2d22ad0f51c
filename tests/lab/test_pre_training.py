"""Steps are counted on a smoothed curve, and trained weights come back to their networks."""

import math

import torch

from stormcell.lab.pre_training import smooth, steps_until, trained
from stormcell.networks.feedforward import MLP


def test_smooth_by_hand():
    assert smooth([1.0, 3.0]) == [1.0, 2.0]
    assert smooth([0.0] * 20 + [20.0])[-1] == 1.0


def test_steps_until():
    assert steps_until([1.0] * 10 + [0.0] * 40, 0.5) == 19  # ten of each: the mean is a half
    assert steps_until([1.0] * 10, 0.5) == math.inf


def test_each_network_gets_its_own_weights_back():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = [MLP(4, (3,), 1) for _ in range(2)]
        before = [network.layers[0].weight.clone() for network in networks]
        after, errors = trained(networks, 2, "both")
    assert len(errors) == 2 and len(errors[0]) == 2
    for old, network in zip(before, after, strict=True):
        moved = (network.layers[0].weight - old).abs().max()
        assert 0 < moved <= 0.011  # two steps of Adam at 5e-3
