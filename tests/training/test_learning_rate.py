import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import TrainingError
from stormcell.training.learning_rate import SCHEDULES, constant, cosine, range_test, step_decay


@pytest.mark.parametrize("name", SCHEDULES)
@given(step=st.integers(0, 10**6), total=st.integers(1, 10**6))
def test_every_schedule_is_a_factor_of_step_and_total_alone(name, step, total):
    factor = SCHEDULES[name](step, total)
    assert 0.0 <= factor <= 1.0 and factor == SCHEDULES[name](step, total)
    assert SCHEDULES[name](0, total) == 1.0


def test_constant():
    assert [constant(step, 3) for step in range(5)] == [1.0] * 5


def test_cosine_by_hand():
    factors = [cosine(step, 7, warm_up=2, floor=0.2) for step in range(9)]
    half = (1 + math.sqrt(0.5)) / 2
    assert factors == pytest.approx([1 / 3, 2 / 3, 1.0, 0.2 + 0.8 * half, 0.6, 0.2 + 0.8 * (1 - half), 0.2, 0.2, 0.2])


@pytest.mark.parametrize(("total", "warm_up"), [(1, 0), (1, 1), (3, 3), (3, 10)])
def test_cosine_with_no_room_to_fall(total, warm_up):
    factors = [cosine(step, total, warm_up=warm_up) for step in range(total)]
    assert all(0 < factor <= 1 for factor in factors) and factors == sorted(factors)


def test_cosine_never_rises_after_the_warm_up():
    factors = [cosine(step, 1000, warm_up=100) for step in range(1000)]
    assert (np.diff(factors[:101]) > 0).all() and (np.diff(factors[100:]) < 0).all()


def test_step_decay_is_that_of_hko_7():
    steps = [0, 19_999, 20_000, 59_999, 60_000, 10**6]
    assert [1e-4 * step_decay(step, 100_000) for step in steps] == pytest.approx([1e-4, 1e-4, 7e-5, 4.9e-5, 3.43e-5, 1e-6])


def quadratic(curvature, *, noise=0.0, start=1.0):
    """Gradient descent on curvature w^2 / 2, which diverges above a rate of 2 / curvature."""
    weight, draw = start, np.random.default_rng(0)

    def step(rate):
        nonlocal weight
        loss = curvature * weight**2 / 2 * (1 + noise * draw.standard_normal()) + 0.01
        weight -= rate * curvature * weight
        return loss

    return step


@pytest.mark.parametrize("curvature", [0.5, 10.0, 1000.0])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_suggested_rate_learns_and_does_not_diverge(curvature, noise):
    found = range_test(quadratic(curvature, noise=noise), lowest=1e-5 / curvature, highest=100.0 / curvature, steps=150)
    assert 0.005 / curvature < found.suggested < 1.0 / curvature
    step = quadratic(curvature)
    losses = [step(found.suggested) for _ in range(500)]
    assert losses[-1] < 0.05 * losses[0] or losses[-1] == pytest.approx(0.01, rel=0.1)


def test_it_stops_when_the_loss_has_grown_too_much():
    found = range_test(quadratic(10.0), lowest=1e-4, highest=1e4, steps=200)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 200
    assert found.rates[-1] < 100 and found.smoothed[-1] > 4 * found.smoothed.min()
    np.testing.assert_allclose(found.rates[1:] / found.rates[:-1], (1e8) ** (1 / 199))


def test_the_running_mean_by_hand():
    losses = iter([4.0, 2.0, *[1.0] * 20])
    found = range_test(lambda _: next(losses), steps=10)
    assert found.smoothed[:2] == pytest.approx([4.0, (0.9 * 0.4 + 0.2) / 0.19])
    assert found.losses.tolist() == [4.0, 2.0, *[1.0] * 8]


def test_a_loss_that_is_no_number_ends_the_test():
    losses = iter([*np.linspace(2, 1, 20), math.nan])
    assert len(range_test(lambda _: next(losses), steps=50).losses) == 20


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (lambda rate: 1.0, "fell nowhere between 1e-06 and 1 \\(100 steps"),
        (lambda rate: math.nan, "fell nowhere between nan and nan \\(0 steps"),
        (lambda rate: rate, "fell nowhere"),
    ],
)
def test_a_loss_that_never_falls_is_told(losses, message):
    with pytest.raises(TrainingError, match=message):
        range_test(losses)


@pytest.mark.parametrize("wrong", [{"lowest": 0.0}, {"lowest": 2.0}, {"steps": 9}])
def test_a_range_that_is_none_is_refused(wrong):
    with pytest.raises(TrainingError, match="expected 0 < lowest < highest and 10 steps or more"):
        range_test(lambda rate: 1.0, **wrong)
