"""Units that are dead by construction, and a network that does not miss them."""

import torch

from stormcell.lab.dead_units import INPUTS, UNITS, learn, samples, silent_units, start, without


def with_dead(activation):
    network = start(activation, 0)
    with torch.no_grad():
        network.layers[0].weight[:5] = -1.0
        network.layers[0].bias[:5] = -0.1
    return network


def test_dead_units_are_counted_and_not_missed():
    network = with_dead("relu")
    inputs, _ = samples(100, torch.Generator().manual_seed(0))
    silent = silent_units(network, inputs)
    assert silent[:5].all() and silent.shape == (UNITS,)
    with torch.no_grad():
        torch.testing.assert_close(without(network, silent)(inputs), network(inputs))


def test_only_a_leak_moves_a_dead_unit():
    for activation, moves in (("relu", False), ("leaky_relu", True)):
        network = with_dead(activation)
        before = network.layers[0].weight.detach()[:5].clone()
        shares, _ = learn(network, 0.01, "a few", seed=0, updates=3)
        assert len(shares) == 3
        assert bool((network.layers[0].weight.detach()[:5] != before).any()) is moves


def test_the_answer_is_a_bend_of_the_first_input():
    inputs, wanted = samples(4, torch.Generator().manual_seed(0))
    assert inputs.shape == (4, INPUTS) and inputs.min() >= 0.0
    torch.testing.assert_close(wanted[:, 0], (2 * inputs[:, 0] - 1).abs())
