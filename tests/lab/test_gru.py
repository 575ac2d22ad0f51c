"""Weights counted, jumps by hand, and a network that begins to learn."""

import pytest
import torch

from stormcell.lab.gru import BUILD, TASKS, UNITS, WIDER, Learnt, learn, weights_of


def test_weights_by_hand():
    counted = {name: weights_of(build(3)) for name, build in BUILD.items()}
    product = UNITS * (3 + UNITS) + UNITS  # of one gate, with its bias
    assert counted["LSTM"] == 4 * product
    assert counted["GRU, equal units"] == 3 * product + UNITS
    assert counted["GRU, equal weights"] == 3 * (WIDER * (3 + WIDER) + WIDER) + WIDER
    assert counted["plain RNN"] == product


def test_jumps_by_hand():
    norms = [1.0] * 50 + [2.0] * 49 + [30.0]
    assert Learnt(0.0, [], norms, 0.0).jumps == pytest.approx(30.0 / 2.0)
    assert Learnt(0.0, [], [3.0] * 10, 0.0).jumps == pytest.approx(1.0)


@pytest.mark.parametrize("task", list(TASKS))
@pytest.mark.parametrize("name", list(BUILD))
def test_each_network_takes_a_few_steps_on_each_task(name, task):
    with torch.random.fork_rng():
        one = learn(BUILD[name], TASKS[task], "a few", seed=0, updates=3)
        again = learn(BUILD[name], TASKS[task], "a few", seed=0, updates=3)
    assert len(one.losses) == len(one.norms) == 3 and all(norm > 0 for norm in one.norms)
    assert one.error > 0.5  # nothing is learnt so soon
    assert one.losses == again.losses
