"""The two networks counted, and a few updates of each."""

import pytest
import torch

from stormcell.lab.moving_shapes import FUTURE, PAST, RIVALS, SIDE, films_of, learn


def test_films_are_cut_into_past_and_future():
    past, future = films_of(3, torch.Generator().manual_seed(0))
    assert past.shape == (3, PAST, 1, SIDE, SIDE) and future.shape == (3, FUTURE, 1, SIDE, SIDE)


def test_weights_by_hand():
    counted = {name: sum(weight.numel() for weight in rival.build().parameters()) for name, rival in RIVALS.items()}
    gates = 4 * 256
    assert counted["FC-LSTM"] == gates * (256 + 256 + 1) + gates * (256 + 1) + 2 * 3 * 256 + 256 * (256 + 1)
    assert counted["ConvLSTM"] == 48 * (9 + 25 * 12 + 1) + 48 * (25 * 12 + 1) + 2 * 3 * 12 + 12 + 1


@pytest.mark.parametrize("name", list(RIVALS))
def test_a_few_updates_are_repeatable(name):
    with torch.random.fork_rng():
        first, second = (learn(RIVALS[name], name, updates=2, seed=0) for _ in range(2))
    before = RIVALS[name].build()
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    assert any(not torch.equal(one, other) for one, other in zip(first.parameters(), before.parameters(), strict=True))
