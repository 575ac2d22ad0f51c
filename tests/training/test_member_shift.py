"""Members come as often at each level as rain did on the days of training."""

import math

import numpy as np
import pytest
import torch

from stormcell.training.guided_module import GuidedWindow
from stormcell.training.member_shift import Reached

PLACES = 10_000


def window_of(truth: torch.Tensor) -> GuidedWindow:
    nothing = torch.zeros(1)
    return GuidedWindow(nothing, nothing, nothing, nothing, truth, nothing, torch.ones_like(truth, dtype=torch.bool))


def reached(truth: list[float], logits: list[float], rates: tuple[float, ...]) -> Reached:
    """`truth` over one row of places, of which all have the same logit at each level."""
    counted = Reached(rates)
    field = torch.tensor(truth).repeat(PLACES // len(truth)).reshape(1, 1, 1, -1)
    counted.add(torch.tensor(logits).reshape(1, 1, -1, 1, 1).expand(1, 1, -1, *field.shape[2:]), window_of(field))
    return counted


def test_by_hand():
    """Of ten places three have 2 mm/h or more, and each had a chance of a fifth; 0.5 mm/h comes in half of them, as was said."""
    shift = reached([3.0] * 3 + [1.0] * 2 + [0.0] * 5, [0.0, math.log(0.2 / 0.8)], (0.5, 2.0)).shift()
    assert shift == pytest.approx([0.0, math.log(3 / 7) - math.log(1 / 4)], abs=0.03)  # logits are counted in bins of 0.05


def test_places_that_were_not_seen_do_not_count():
    with_gaps = reached([3.0, 0.0, math.nan, math.nan], [0.5], (2.0,))
    np.testing.assert_allclose(with_gaps.shift(), -0.5, atol=0.03)


def test_batches_add_up():
    counted, twice = (reached([3.0, 0.0, 0.0, 0.0], [-0.5], (2.0,)) for _ in range(2))
    field = torch.tensor([3.0]).expand(1, 1, 1, PLACES)
    counted.add(torch.full((1, 1, 1, 1, PLACES), -0.5), window_of(field))
    assert counted.shift()[0] == pytest.approx(math.log(5 / 3) + 0.5, abs=0.03) and twice.shift()[0] < counted.shift()[0]


def test_heavier_rain_is_no_likelier_than_lighter():
    """What is counted is what members are drawn from: the second level's 0.9 stands for the 0.5 of the first."""
    shift = reached([3.0, 0.0], [0.0, math.log(9)], (0.5, 2.0)).shift()
    np.testing.assert_allclose(shift, 0.0, atol=0.03)


def test_it_is_held_to_one():
    assert reached([3.0], [-4.0], (2.0,)).shift() == pytest.approx([1.0])
    assert reached([0.0, 0.0, 0.0, 0.5], [4.0], (0.5,)).shift() == pytest.approx([-1.0])


def test_a_level_that_hardly_came_takes_the_shift_of_the_one_below():
    rare = [30.0] + [3.0] * 49 + [0.0] * 50  # 100 of 10,000 places
    two = reached(rare, [0.5, -6.0], (2.0, 20.0)).shift()
    assert two[0] == two[1] == pytest.approx(-0.5, abs=0.03)
    assert reached(rare, [-6.0], (20.0,)).shift() == pytest.approx([0.0])
