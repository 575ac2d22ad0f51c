"""Side by side each network learns what it would learn alone."""

import torch

from stormcell.lab.fit import fit
from stormcell.lab.many_starts import side_by_side
from stormcell.networks.feedforward import MLP


def test_each_learns_as_if_alone():
    torch.manual_seed(0)
    networks = [MLP(2, (3,), 1, activation="tanh").double() for _ in range(2)]
    x = torch.randn(2, 8, 2, dtype=torch.float64)
    parameters, answers = side_by_side(networks)
    fit(parameters.values(), lambda _: answers(x).square().mean((1, 2)).sum(), "both", steps=5, learning_rate=0.01)
    for number, network in enumerate(networks):

        def alone(_: int, network: MLP = network, own: torch.Tensor = x[number]) -> torch.Tensor:
            return network(own).square().mean()

        fit(network.parameters(), alone, "alone", steps=5, learning_rate=0.01)
        torch.testing.assert_close(answers(x)[number], network(x[number]), rtol=1e-9, atol=1e-9)
        for name, weight in network.named_parameters():
            torch.testing.assert_close(parameters[name][number], weight, rtol=1e-9, atol=1e-9)
