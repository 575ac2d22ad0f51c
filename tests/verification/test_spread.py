import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stormcell.errors import FramesError
from stormcell.verification.spread import SpreadError
from tests.verification.cases import NAN, case, rain, values


def pixels(members, observed):
    """The scores of members (member, x) and observation (x,)."""
    return values(SpreadError(), np.asarray(members)[:, np.newaxis, np.newaxis], [observed])


def test_by_hand():
    # means 2 and 4, variances (with count - 1) 2 and 8, times 3/2; errors of the mean -1 and 2
    spread, rmse = np.sqrt((3 + 12) / 2), np.sqrt((1 + 4) / 2)
    assert pixels([[1, 2], [3, 6]], [3, 2]) == pytest.approx({"spread": spread, "rmse": rmse, "ratio": spread / rmse})


DEGENERATE = {
    "one member": ([[2]], [5], {"spread": NAN, "rmse": 3, "ratio": NAN}),
    "dry, and it was": ([[0], [0]], [0], {"spread": 0, "rmse": 0, "ratio": NAN}),
    "dry, and it rained": ([[0], [0]], [2], {"spread": 0, "rmse": 2, "ratio": 0}),
    "all equal, and right": ([[0.1]] * 7, [0.1], {"spread": 0, "rmse": 0, "ratio": NAN}),
    "the mean is perfect": ([[1], [3]], [2], {"spread": np.sqrt(3), "rmse": 0, "ratio": NAN}),
    "nothing valid": ([[NAN], [1]], [2], {"spread": NAN, "rmse": NAN, "ratio": NAN}),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name):
    members, observed, expected = DEGENERATE[name]
    assert pixels(members, observed) == pytest.approx(expected, nan_ok=True, abs=1e-12)


@pytest.mark.parametrize("count", [2, 5, 20])
def test_one_for_an_ensemble_like_the_observation_of_any_size(count):
    rng = np.random.default_rng(0)
    centre = rng.gamma(2, size=(200, 200))
    members, observed = centre * rng.gamma(2, size=(count, 1, 200, 200)), centre * rng.gamma(2, size=(200, 200))
    assert values(SpreadError(), members, observed)["ratio"] == pytest.approx(1, abs=0.03)


RATES = st.floats(0, 100, width=32)


@st.composite
def ensembles(draw):
    count, width = draw(st.integers(1, 8)), draw(st.integers(1, 20))
    return draw(arrays(np.float32, (count, 1, width), elements=RATES)), draw(arrays(np.float32, (1, width), elements=RATES))


@given(ensembles(), st.randoms(use_true_random=False))
def test_equals_the_definition_in_any_order_of_members(ensemble, random):
    members, observed = (part.astype(np.float64) for part in ensemble)
    count = len(members)
    got = values(SpreadError(), members[random.sample(range(count), count)][:, np.newaxis], observed)
    assert got["rmse"] == pytest.approx(np.sqrt(((members.mean(axis=0) - observed) ** 2).mean()), rel=1e-5, abs=1e-5)
    spread = np.sqrt((count + 1) / count * members.var(axis=0, ddof=1).mean()) if count > 1 else NAN
    assert got["spread"] == pytest.approx(spread, rel=1e-5, abs=1e-5, nan_ok=True)


@given(ensembles(), st.data())
def test_any_split_adds_up_and_nothing_leaks_from_outside(ensemble, data):
    members, observed = ensemble
    left = data.draw(arrays(bool, observed.shape))
    whole, *parts = (SpreadError().sums(*case(members[:, np.newaxis], observed, valid)) for valid in (np.ones_like(left), left, ~left))
    np.testing.assert_allclose(sum(part.values for part in parts), whole.values, rtol=1e-9, atol=1e-9)
    forecast, seen, valid = case(members[:, np.newaxis], observed, left)
    forecast.values[..., ~left] = seen.values[..., ~left] = NAN
    np.testing.assert_array_equal(SpreadError().sums(forecast, seen, valid), parts[0])


def test_an_unexpected_gap_is_loud():
    members = rain(1, (4, 1, 9, 9))
    members[2, 0, 3, 3] = NAN
    with pytest.raises(FramesError, match="a pixel that `valid` names"):
        SpreadError().sums(*case(members, rain(2, (9, 9)), np.ones((9, 9), bool)))
