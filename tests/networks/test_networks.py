"""What every network in `NETWORKS` owes, and what the papers say they weigh."""

from functools import partial

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from stormcell.cells import CELLS, IMAGE_CELLS, unroll
from stormcell.networks import NETWORKS
from stormcell.networks.cost import cost_of

# PAPERS: Shi et al. 2015, table 1; the HKO-7 code; the Conv-TT-LSTM code
WEIGHTS = {
    "fc-lstm-2015": 142_667_776,
    "convlstm-2015": 7_585_296,
    "convlstm-2015-radar": 896_260,
    "hko7-convgru": 13_649_081,
    "hko7-trajgru": 12_150_053,
    "moving-mnist-pp-convgru-k3d2": 2_604_817,
    "moving-mnist-pp-convgru-k5d1": 4_767_505,
    "moving-mnist-pp-convgru-k7d1": 8_011_537,
    "moving-mnist-pp-trajgru-l5": 2_842_157,
    "moving-mnist-pp-trajgru-l9": 3_421_277,
    "moving-mnist-pp-trajgru-l13": 4_000_397,
    "moving-mnist-pp-trajgru-l17": 4_579_517,
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


@pytest.mark.parametrize("name", CELLS)
def test_memory_and_products_are_those_of_a_real_run(name):
    """What the listing finds without running is what a run on the processor keeps and does, from a state that is not blank."""
    shape, build = (1, 4, 8, *((12, 12) if name in IMAGE_CELLS else ())), partial(CELLS[name], 8, 32)
    cost = cost_of(build, lambda cell: unroll(cell, torch.empty(shape))[0])
    kept, held, cell = {}, [], build()
    ours = {part.untyped_storage().data_ptr() for part in (*cell.parameters(), *cell.buffers())}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        held.append(tensor)
        return tensor

    x = torch.randn(shape)
    state = tuple(torch.rand_like(part) for part in cell.initial_state(x[:, 0]))
    with FlopCounterMode(display=False) as counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs, _ = unroll(cell, x, state)
    assert outputs.isfinite().all() and counter.get_total_flops() == cost.flops
    assert sum(size for place, size in kept.items() if place not in ours) == pytest.approx(cost.training_bytes, rel=0.05)
