"""The hand-made way back against a case worked on paper, automatic differentiation and small steps."""

import pytest
import torch

from stormcell.lab.back_propagation import backward, by_autograd, by_small_steps, forward, largest_difference, linear_layers
from stormcell.networks.feedforward import MLP


def test_one_unit_in_each_of_two_layers_on_paper():
    network = MLP(1, (1,), 1, activation="tanh").double()
    layers = linear_layers(network)
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, ((1.0, 0.0), (2.0, 0.5)), strict=True):
            layer.weight.fill_(weight)
            layer.bias.fill_(bias)
    sums, spoken = forward(layers, torch.zeros(1, dtype=torch.float64))
    assert [value.item() for value in sums] == [0.0, 0.5] and [value.item() for value in spoken] == [0.0, 0.0, 0.5]
    found = backward(layers, spoken, torch.tensor([1.5], dtype=torch.float64))
    # the error is 0.5 - 1.5 = -1; one layer down it is 2 * -1, times the slope 1 of tanh at 0
    assert [value.item() for value in found["delta"]] == [-2.0, -1.0]
    assert [value.item() for value in found["weight"]] == [0.0, 0.0]


@pytest.mark.parametrize("hidden", [(), (5,), (2, 6, 3)])
def test_all_depths_agree(hidden):
    torch.manual_seed(1)
    network = MLP(4, hidden, 3, activation="tanh").double()
    x, target = torch.randn(4, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    layers = linear_layers(network)
    _, spoken = forward(layers, x)
    ours, theirs = backward(layers, spoken, target), by_autograd(layers, x, target)
    assert all(largest_difference(ours[name], theirs[name]) < 1e-12 for name in ours)
    assert largest_difference(ours["weight"], by_small_steps(network, x, target)) < 1e-8
