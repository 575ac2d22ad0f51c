"""What has to be true of gradients through layers, whatever the numbers."""

import math

import pytest
import torch

from stormcell.lab.activations import GAINS, gradient_by_layer, mean_of


def gradient(activation, gain, *, batch_norm=False, seed=0, layers=5):
    with torch.random.fork_rng():
        return gradient_by_layer(activation, gain, batch_norm=batch_norm, seed=seed, layers=layers)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity"])
def test_twice_the_weights_are_twice_the_gradient_at_each_layer(activation):
    one, twice = (gradient(activation, gain) for gain in (0.5, 1.0))
    assert twice[0] / twice[-1] == pytest.approx(2**4 * one[0] / one[-1], rel=1e-9)


def test_batch_normalisation_divides_the_factor_out_again():
    one, twice = (gradient("relu", gain, batch_norm=True) for gain in (1.0, 2.0))
    assert twice[0] / twice[-1] == pytest.approx(one[0] / one[-1], rel=1e-3)  # up to its epsilon


def test_a_sigmoid_lets_a_quarter_through_at_most():
    norms = gradient("sigmoid", 1.0)
    largest = 2.0 * 1.2  # singular value of a square random matrix of gain 1, and what chance may add
    assert all(before < 0.25 * largest * after for before, after in zip(norms, norms[1:], strict=False))


def test_a_norm_for_each_layer_decided_by_the_seed():
    for name, gain in GAINS.items():
        norms = gradient(name, gain, batch_norm=True)
        assert len(norms) == 5 and all(norm > 0 for norm in norms)
        assert norms == gradient(name, gain, batch_norm=True) and norms != gradient(name, gain, batch_norm=True, seed=1)


def test_geometric_mean_by_hand():
    assert mean_of([[1.0, 2.0], [100.0, 8.0]]) == pytest.approx([10.0, 4.0])
    assert mean_of([[math.e]]) == pytest.approx([math.e])
