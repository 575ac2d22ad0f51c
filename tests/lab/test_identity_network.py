"""Folding two layers on paper, and least squares on points that lie on a plane."""

import torch

from stormcell.lab.identity_network import folded, least_squares
from stormcell.networks.feedforward import MLP


def test_two_layers_fold_into_one():
    network = MLP(3, (1,), 1, activation="identity").double()
    with torch.no_grad():
        network.layers[0].weight.copy_(torch.tensor([[1.0, 2.0, 3.0]]))
        network.layers[0].bias.fill_(0.5)
        network.layers[1].weight.fill_(2.0)
        network.layers[1].bias.fill_(1.0)
    weight, bias = folded(network)
    assert weight.tolist() == [[2.0, 4.0, 6.0]] and bias.tolist() == [2.0]  # 2 * 0.5 + 1


def test_least_squares_finds_the_plane():
    x = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64) + 4.0
    weight, bias = least_squares(x, y)
    torch.testing.assert_close(weight, torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64))
    torch.testing.assert_close(bias, torch.tensor([4.0], dtype=torch.float64))
