"""From which probability on an event is said: worked by hand."""

import numpy as np
import pytest

from stormcell.methods.guided.decision import NEVER, area_logit, least_logits

LOGITS = np.arange(12, dtype=np.float32).reshape(1, 3, 4) / 2  # 0.0 to 5.5
GUESS = np.zeros((3, 4), np.float32)
GUESS[0] = 0.5
EVERYWHERE = np.ones((3, 4), bool)
LEVEL = np.array([0.3], np.float32)


def least(weight, factor, *, guess=GUESS, known=EVERYWHERE):
    return float(least_logits(LOGITS, guess, known, LEVEL, np.array([[1.0, weight, factor]], np.float32))[0])


def test_without_weight_it_is_what_training_found():
    assert least(0.0, 1.0) == least(0.0, 3.0) == 1.0


def test_the_area_is_that_of_the_first_guess_times_a_factor():
    assert least(1.0, 1.0) == 4.0  # 4.0, 4.5, 5.0, 5.5: four places, as the first guess has
    assert least(1.0, 1.5) == 3.0
    assert least(0.5, 1.0) == 2.5


def test_what_the_radar_did_not_see_has_no_area():
    known = EVERYWHERE.copy()
    known[0, :2] = known[2, 3] = False
    assert least(1.0, 1.0, known=known) == 4.5  # two places of 0.5 are left, and 5.5 is gone


def test_where_the_first_guess_has_none_none_is_said():
    assert least(0.5, 1.3, guess=np.zeros_like(GUESS)) == NEVER
    assert least(0.0, 1.3, guess=np.zeros_like(GUESS)) == 1.0


@pytest.mark.parametrize(("count", "expected"), [(1, 3.0), (2, 1.0), (3, -6.0)])
def test_more_places_than_are_likely(count, expected):
    assert area_logit(np.array([1.0, -9.0, 3.0], np.float32), count) == expected


def test_a_radar_that_shows_twice_the_rain_is_followed():
    """With a gain of two in logits and in the first guess the area that is said stays that of the first guess."""
    for gain in (1.0, 2.0):
        limit = least_logits(gain * LOGITS, gain * GUESS, EVERYWHERE, LEVEL, np.array([[0.5, 1.0, 1.0]], np.float32))[0]
        assert int((gain * LOGITS >= limit).sum()) == 4
