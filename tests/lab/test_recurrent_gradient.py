"""Gradients over lag that can be worked out, and clipping that keeps its word."""

import math

import pytest
import torch

from stormcell.cells import GRU, LSTM, RNN
from stormcell.lab.recurrent_gradient import UNITS, descend, gradient_by_lag, with_open_gate, with_radius


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_one_unit_at_rest_gives_powers_of_its_weight():
    for radius in (0.5, 2.0):
        cell = with_radius(RNN(4, 1), radius)
        assert gradient_by_lag(cell, 0.0, lags=6) == pytest.approx([radius**lag for lag in range(7)], rel=1e-6)


def test_inputs_only_make_it_less():
    cell = with_radius(RNN(4, 1), 1.0)
    norms = gradient_by_lag(cell, 1.0, lags=6)
    assert all(after < before for before, after in zip(norms, norms[1:], strict=False))


@pytest.mark.parametrize("orthogonal", [False, True])
def test_the_radius_is_what_was_asked_for(orthogonal):
    weight = with_radius(RNN(4, UNITS), 1.3, orthogonal=orthogonal).gates.state_weight
    sizes = torch.linalg.eigvals(weight.detach()).abs()
    assert float(sizes.max()) == pytest.approx(1.3, rel=1e-4)
    assert (float(sizes.min()) == pytest.approx(1.3, rel=1e-4)) is orthogonal


@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_the_gate_that_is_opened_is_the_one_that_keeps(cell):
    opened = with_open_gate(cell(4, UNITS), 50.0)
    with torch.no_grad():
        start = tuple(torch.full_like(part, 0.3) for part in opened.initial_state(torch.zeros(1, 4)))
        _, after = opened.step(opened.project(torch.zeros(1, 1, 4))[0][:1], start)
    if cell is GRU:
        torch.testing.assert_close(after[0], start[0])
    else:
        assert (after[1] - start[1]).abs().max() < 1.0  # c' = c + i g, and i g is below 1
        assert float(torch.sigmoid(opened.gates.bias.detach()[UNITS])) == 1.0


def test_clipping_leaves_small_gradients_alone():
    torch.manual_seed(0)
    free = descend(math.inf, updates=3, length=4)
    torch.manual_seed(0)
    wide = descend(1e6, updates=3, length=4)
    assert free == wide and len(free[0]) == len(free[1]) == 3
