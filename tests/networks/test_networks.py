"""What every network in `NETWORKS` owes, and what the papers say they weigh."""

import pytest
import torch

from stormcell.networks import NETWORKS
from stormcell.networks.cost import cost_of

# PAPERS: Shi et al. 2015, table 1; the HKO-7 code; the Conv-TT-LSTM code
WEIGHTS = {
    "fc-lstm-2015": 142_667_776,
    "convlstm-2015": 7_585_296,
    "convlstm-2015-radar": 896_260,
    "hko7-convgru": 13_649_081,
    "hko7-trajgru": 12_150_053,
    "moving-mnist-pp-convgru": 4_767_505,
    "moving-mnist-pp-trajgru": 4_000_397,
    "convlstm-12": 3_973_201,
    "conv-tt-12": 2_687_281,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_past_in_future_out(name):
    grid = (480, 480) if name.startswith("hko7") else (64, 64)
    with torch.device("meta"):
        network = NETWORKS[name]()
        assert network(torch.empty(2, 3, 1, *grid), 4).shape == (2, 4, 1, *grid)
    if name in WEIGHTS:
        assert sum(weight.numel() for weight in network.parameters()) == WEIGHTS[name]


def test_cost_by_hand():
    """A linear layer of 5 x 3 on 7 samples: 2 * 7 * 5 * 3 operations; its input is kept for the weights' gradient."""
    cost = cost_of(lambda: torch.nn.Linear(5, 3), lambda layer: layer(torch.empty(7, 5)).tanh())
    assert cost.parameters == 18 and cost.flops == 2 * 7 * 5 * 3
    assert cost.training_bytes == 4 * (7 * 5 + 7 * 3)  # the input, and tanh's result


def test_memory_grows_with_the_length():
    from stormcell.cells import ConvGRU, unroll

    def bytes_for(steps: int) -> int:
        return cost_of(lambda: ConvGRU(2, 4), lambda cell: unroll(cell, torch.empty(1, steps, 2, 8, 8))[0]).training_bytes

    assert bytes_for(20) - bytes_for(10) == bytes_for(30) - bytes_for(20) > 0
