"""The three ways of one update by their gradients, memory and powers by hand."""

import pytest
import torch

from stormcell.cells.lstm import LSTM
from stormcell.lab.sequence_length import PIECE, WAYS, gradient_to_the_first_step, gradients, learn_to_add, megabytes, one_update, slope


@pytest.fixture(autouse=True)
def aside():
    with torch.random.fork_rng():
        yield


def test_ways_agree_where_there_is_nothing_to_cut():
    whole = gradients("whole", PIECE)
    assert whole.abs().max() > 0
    for way in WAYS:
        torch.testing.assert_close(gradients(way, PIECE), whole)


def test_checkpoints_keep_the_gradient_and_pieces_do_not():
    whole = gradients("whole", 2 * PIECE)
    torch.testing.assert_close(gradients("checkpoints", 2 * PIECE), whole)
    assert (gradients("pieces", 2 * PIECE) - whole).norm() > 1e-3 * whole.norm()


def test_pieces_are_weighted_by_their_length():
    # With a state that is forgotten at once there is nothing to cut, so that even uneven pieces have the whole gradient.
    length, found = PIECE + 20, []
    for way in ("whole", "pieces"):
        torch.manual_seed(0)
        cell, inputs = LSTM(2, 3, forget_bias=-200.0).double(), torch.randn(2, length, 2, dtype=torch.float64)
        with torch.no_grad():
            cell.gates.state_weight.zero_()
        one_update(way, cell, inputs)
        found.append(cell.gates.input_weight.grad)
    torch.testing.assert_close(found[1], found[0])


def test_memory_of_pieces_does_not_grow():
    assert megabytes("pieces", 4 * PIECE) == pytest.approx(megabytes("pieces", 2 * PIECE), rel=0.01)
    assert megabytes("whole", 4 * PIECE) == pytest.approx(2 * megabytes("whole", 2 * PIECE), rel=0.05)
    assert megabytes("checkpoints", 4 * PIECE) < 0.4 * megabytes("whole", 4 * PIECE)


def test_the_gradient_to_the_only_step_is_its_own():
    assert gradient_to_the_first_step(1, 0.0) == 1.0
    assert 1.0 > gradient_to_the_first_step(10, 0.0) > gradient_to_the_first_step(20, 0.0) > 0


def test_powers_by_hand():
    assert slope({10: 3.0, 20: 5.0, 40: 48.0}) == pytest.approx(2.0)
    assert slope({50: 2.0, 100: 4.0}) == pytest.approx(1.0)


def test_before_it_has_learnt_it_is_no_better_than_the_mean():
    assert 0.8 < learn_to_add(6, 0, 1)
