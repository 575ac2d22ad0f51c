"""One field of many probabilities: worked by hand, and what must hold for any of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from stormcell.methods.guided.fields import balanced, field_above, grey_mean, matched, mean_of, monotone, rain_at
from stormcell.verification.balanced import balancing_weights
from stormcell.verification.grey import grey_from_rain_rate

LEVELS = np.array([0.1, 1.0, 10.0], np.float32)


def logits(*probabilities):
    p = np.array(probabilities, np.float32)
    return np.log(p / (1 - p))


def test_rain_between_two_levels_by_its_margins():
    margins = np.array([[-1, 1, 1, 2], [-2, -1, 1, 1], [-3, -1, 1, -3]], np.float32)
    assert field_above(margins, LEVELS).tolist() == pytest.approx([0.0, 0.1 * 10**0.5, 10.0, 1.0 * 10**0.25])


def test_a_margin_of_nothing_is_the_level_itself():
    assert field_above(np.array([[0.0], [-1.0], [-1.0]], np.float32), LEVELS) == pytest.approx(0.1)


def test_heavier_rain_is_never_likelier():
    assert monotone(np.array([[1.0], [2.0], [0.0]], np.float32)).ravel().tolist() == [1.0, 1.0, 0.0]


def test_the_mean_is_the_integral_of_what_is_exceeded():
    p = (0.8, 0.4, 0.05)
    slope = [np.log(p[i + 1] / p[i]) / np.log(10) for i in range(2)]

    def exceeded(rate):
        if rate < 0.1:
            return p[0]
        return p[0] * (rate / 0.1) ** slope[0] if rate < 1 else p[1] * rate ** slope[1]

    whole = quad(exceeded, 0, 10, points=[0.1, 1.0])[0] + p[2] * 10 * 0.5
    assert mean_of(logits(*p)[:, None], LEVELS)[0] == pytest.approx(whole, rel=1e-3)


@given(st.lists(st.floats(0.001, 0.999), min_size=3, max_size=3), st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_ranks_rise_with_rain(probabilities, one, other):
    given_logits = monotone(logits(*probabilities)[:, None])
    low, high = (rain_at(logits(share), given_logits, LEVELS)[0] for share in sorted((one, other), reverse=True))
    assert 0 <= low <= high * (1 + 1e-5)


@given(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=3))
def test_members_exceed_each_level_as_often_as_the_network_says(probabilities):
    given_logits = monotone(logits(*probabilities)[:, None])
    rain = rain_at(logits(*((np.arange(1000) + 0.5) / 1000)), np.repeat(given_logits, 1000, axis=1), LEVELS)
    for level, logit in zip(LEVELS, given_logits[:, 0], strict=True):
        assert (rain >= level * (1 - 1e-5)).mean() == pytest.approx(1 / (1 + np.exp(-logit)), abs=2e-3)


def test_a_matched_field_keeps_order_and_shares():
    ranking = np.random.default_rng(0).random((20, 25)).astype(np.float32)
    field = matched(ranking, np.broadcast_to(logits(0.5, 0.2, 0.02)[:, None, None], (3, 20, 25)), LEVELS)
    order = np.argsort(ranking.ravel())
    assert (np.diff(field.ravel()[order]) >= -1e-6).all()
    assert [(field >= level * 0.999).mean() for level in LEVELS] == pytest.approx([0.5, 0.2, 0.02], abs=0.003)


def test_heavy_rain_counts_for_more_in_a_balanced_distribution():
    """P = 0.5, 0.3, 0.1 of 0.1, 2 and 10 mm/h: masses 0.5 (dry), 0.2, 0.2, 0.1 with weights 1, 1, 2, 10."""
    levels = np.array([0.1, 2.0, 10.0], np.float32)
    q = 1 / (1 + np.exp(-balanced(logits(0.5, 0.3, 0.1)[:, None], levels)[:, 0]))
    assert q.tolist() == pytest.approx([1.6 / 2.1, 1.4 / 2.1, 1.0 / 2.1], rel=1e-4)


def test_where_no_level_is_likely_the_mean_is_drizzle():
    drizzle = np.array([0.0, 0.05], np.float32)
    assert grey_mean(np.full((3, 2), -20, np.float32), LEVELS, drizzle).tolist() == pytest.approx([0.0, 0.05], abs=1e-4)


@pytest.mark.parametrize(("field", "power"), [(lambda *args: grey_mean(*args, np.zeros(1, np.float32)), 2), (field_above, 1)])
def test_balanced_fields_have_the_least_balanced_errors(field, power):
    levels = np.array([0.1, 0.2, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30], np.float32)
    given_logits = logits(*(0.7 * np.exp(-0.35 * np.arange(12))))[:, None]
    ranks = logits(*((np.arange(20_000) + 0.5) / 20_000))
    rain = rain_at(ranks, np.repeat(given_logits, ranks.size, axis=1), levels)
    best = float(field(balanced(given_logits, levels), levels)[0])

    def error(rate):
        off = np.abs(grey_from_rain_rate(np.float32([rate])) - grey_from_rain_rate(rain))
        return float((balancing_weights(rain) * off**power).mean())

    assert error(best) <= 1.002 * min(error(best * factor) for factor in (0.7, 0.85, 0.95, 1.05, 1.15, 1.4))
    assert error(best) < error(float(mean_of(given_logits, levels)[0]))
