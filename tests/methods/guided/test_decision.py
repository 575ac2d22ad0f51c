"""From which probability on an event is said: worked by hand."""

import numpy as np
import pytest

from stormcell.methods.guided.decision import SHARES, least_logits

LEVEL = np.array([0.3], np.float32)
EVERYWHERE = np.ones((1, 10), bool)


def least(logits, wet, *, known=EVERYWHERE, trained=0.0):
    """Of ten places in a row, of which the first guess has the first `wet` wet."""
    guess = np.where(np.arange(10) < wet, 0.5, 0.0).astype(np.float32)[None]
    field = np.array(logits, np.float32)[None, None]
    return float(least_logits(field, guess, known, LEVEL, np.array([trained], np.float32))[0])


def parts(trained, area, expected):
    """A threshold is the lower edge of a twentieth in which a logit lies."""
    return pytest.approx(float(np.dot(SHARES, (trained, area, expected))), abs=0.03)


LOGITS = [3.02, 2.02, 1.02, 0.02, -0.98, -1.98, -2.98, -3.98, -4.98, -5.98]
"""Probabilities .95 .88 .74 .51 .27 .12 ..., with a sum of 3.54: of three places a CSI of .65 is expected, of four .69, of five .64."""


def test_a_mean_of_three_opinions():
    assert least(LOGITS, wet=6) == parts(0.0, -2.98, 0.02)  # the area: 1.1 times six places are seven


def test_the_trained_one_counts_for_its_share():
    assert least(LOGITS, wet=2, trained=1.0) - least(LOGITS, wet=2, trained=0.0) == pytest.approx(SHARES[0])


def test_the_area_follows_the_first_guess():
    areas = [least(LOGITS, wet=wet) for wet in (0, 1, 3, 5)]
    assert areas == sorted(areas, reverse=True) and len(set(areas)) == 4 - 1  # of none as of one: where it is likeliest


def test_what_the_radar_did_not_see_counts_for_nothing():
    known = EVERYWHERE.copy()
    known[0, :3] = False
    assert least(LOGITS, wet=3, known=known) == least(LOGITS[3:] + [-9.0] * 3, wet=0)


def test_where_nothing_is_likely_training_decides():
    assert least([-9.0] * 10, wet=4, trained=-0.7) == pytest.approx(-0.7)


def test_rain_that_is_sure_and_rain_that_is_not():
    """Five places are sure, and are all that is expected; an area of 1.1 times five is six, and reaches into the rest."""
    assert least([6.52] * 5 + [-6.48] * 5, wet=5) == parts(0.0, -6.48, 6.52)
