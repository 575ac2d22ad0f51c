import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stormcell.errors import FramesError
from stormcell.verification import crps as module
from stormcell.verification.crps import CRPS
from tests.verification.cases import NAN, case, rain, values


def pixel(members, observed):
    """The scores of one pixel."""
    return values(CRPS(), np.reshape(members, (-1, 1, 1, 1)), [observed])


def of(members, observed, valid=None):
    """The scores of fields: members (member, y, x), observation (y, x)."""
    return CRPS().value(CRPS().sums(*case(np.asarray(members)[:, np.newaxis], observed, valid))).isel(lead_time=0)


def brute_force(members, observed, *, fair=False):
    """The double sum of the definition, (member, ...) and (...) to (...)."""
    x, count = np.asarray(members, np.float64), len(members)
    pairs = sum(np.abs(a - b) for a in x for b in x)
    return np.abs(x - observed).mean(axis=0) - pairs / (2 * (count * (count - 1) if fair else count**2))


def test_by_hand():
    # members 1, 2, 4, observation 3: errors 2 + 1 + 1, pairs 1 + 3 + 2
    assert pixel([1.0, 2.0, 4.0], 3.0) == pytest.approx({"crps": 4 / 3 - 6 / 9, "fair_crps": 4 / 3 - 6 / 6})


DEGENERATE = {
    "two zeros tie, and it was dry": ([0, 0, 5], 0.0, {"crps": 5 / 9, "fair_crps": 0.0}),
    "two zeros tie, and it rained": ([0, 0, 5], 5.0, {"crps": 20 / 9, "fair_crps": 5 / 3}),
    "one member: the absolute error, and no fair score": ([2.0], 5.0, {"crps": 3.0, "fair_crps": NAN}),
    "one member, dry, and it was": ([0.0], 0.0, {"crps": 0.0, "fair_crps": NAN}),
    "dry, and it was": ([0.0, 0.0, 0.0], 0.0, {"crps": 0.0, "fair_crps": 0.0}),
    "dry, and it rained": ([0.0, 0.0], 4.0, {"crps": 4.0, "fair_crps": 4.0}),
    "all equal, and wrong": ([0.1] * 7, 0.3, {"crps": np.float32(0.3) - np.float32(0.1), "fair_crps": np.float32(0.3) - np.float32(0.1)}),
    "all equal, and right": ([0.1] * 7, 0.1, {"crps": 0.0, "fair_crps": 0.0}),
    "observation between two members: the fair score is below 0": ([0.0, 2.0], 1.0, {"crps": 0.5, "fair_crps": 0.0}),
    "observation in the middle of three": ([0.0, 1.0, 2.0], 1.0, {"crps": 2 / 3 - 4 / 9, "fair_crps": 0.0}),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name):
    members, observed, expected = DEGENERATE[name]
    assert pixel(members, observed) == pytest.approx(expected, nan_ok=True, abs=1e-12)


def test_no_valid_pixel_is_no_perfect_forecast():
    assert values(CRPS(), np.full((3, 1, 1, 2), NAN), [1.0, 2.0]) == pytest.approx({"crps": NAN, "fair_crps": NAN}, nan_ok=True)


SOME_RAIN = st.just(0.0) | st.just(0.5) | st.floats(0, 100, width=32)


@st.composite
def ensembles(draw, smallest=1):
    count, pixels = draw(st.integers(smallest, 9)), draw(st.integers(1, 70))
    return draw(arrays(np.float32, (count, 1, pixels), elements=SOME_RAIN)), draw(arrays(np.float32, (1, pixels), elements=SOME_RAIN))


@given(ensembles())
def test_equals_the_double_sum(ensemble):
    members, observed = ensemble
    got = of(members, observed)
    exact = brute_force(members, observed).mean()
    assert got["crps"].item() == pytest.approx(exact, rel=1e-5, abs=1e-6) and got["crps"].item() >= -1e-9
    if len(members) > 1:
        assert got["fair_crps"].item() == pytest.approx(brute_force(members, observed, fair=True).mean(), rel=1e-5, abs=1e-5)


@given(ensembles(), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(ensemble, random):
    members, observed = ensemble
    shuffled = members[random.sample(range(len(members)), len(members))]
    assert of(members, observed)["crps"].item() == pytest.approx(of(shuffled, observed)["crps"].item(), rel=1e-12, abs=1e-12)


@given(ensembles(), st.data())
def test_any_split_adds_up_to_the_whole(ensemble, data):
    members, observed = ensemble
    cut = data.draw(st.integers(0, observed.size))
    left = np.arange(observed.size)[np.newaxis] < cut
    whole, *parts = (CRPS().sums(*case(members[:, np.newaxis], observed, valid)) for valid in (np.ones_like(left), left, ~left))
    np.testing.assert_allclose(sum(part.values for part in parts), whole.values, rtol=1e-12, atol=1e-12)


@given(ensembles(), st.data(), st.sampled_from([NAN, np.inf, -1e30]))
def test_what_lies_outside_the_mask_is_never_looked_at(ensemble, data, rubbish):
    members, observed = ensemble
    inside = data.draw(arrays(bool, observed.shape))
    forecast, seen, valid = case(members[:, np.newaxis], observed, inside)
    forecast.values[..., ~inside] = seen.values[..., ~inside] = rubbish
    got = CRPS().value(CRPS().sums(forecast, seen, valid))["crps"].item()
    exact = brute_force(members[:, inside], observed[inside]).mean() if inside.any() else NAN
    assert got == pytest.approx(exact, rel=1e-5, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("wet", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("shape", [(211, 160), (37, 53), (1, 1)])
def test_large_fields_in_blocks_and_threads(shape, wet, monkeypatch):
    members, observed = rain(1, (10, *shape), wet), rain(2, shape, wet)
    valid = np.random.default_rng(0).random(shape) > 0.1
    for mask in (np.ones_like(valid), valid):
        expected = brute_force(members[:, mask], observed[mask]).mean()
        scores = []
        for cores in (1, 3):
            monkeypatch.setattr(module.cv2, "getNumThreads", lambda cores=cores: cores)
            scores.append(of(members, observed, mask)["crps"].item())
        assert scores[0] == scores[1] == pytest.approx(expected, rel=1e-6)


def test_lead_times_are_kept_apart():
    members, observed = rain(3, (5, 3, 20, 21)), rain(4, (3, 20, 21))
    got = CRPS().value(CRPS().sums(*case(members, observed)))
    np.testing.assert_allclose(got["crps"], brute_force(members, observed).mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(got["fair_crps"], brute_force(members, observed, fair=True).mean(axis=(1, 2)), rtol=1e-6)


def test_fair_score_does_not_depend_on_the_number_of_members():
    rng = np.random.default_rng(0)
    observed = rng.gamma(0.5, size=(200, 200))
    scores = [of(rng.gamma(0.5, size=(count, 200, 200)), observed) for count in (2, 5, 30)]
    fair, plain = ([score[name].item() for score in scores] for name in ("fair_crps", "crps"))
    assert max(fair) - min(fair) < 0.01 and plain[0] > plain[1] + 0.05 > plain[2] + 0.06


@pytest.mark.parametrize("bad", [NAN, np.inf])
@pytest.mark.parametrize("place", ["member", "observation"])
def test_an_unexpected_gap_is_loud(bad, place):
    forecast, observed, valid = case(rain(1, (4, 1, 9, 9)), rain(2, (9, 9)))
    (forecast if place == "member" else observed).values[..., 3, 3] = bad
    with pytest.raises(FramesError, match="crps: a pixel that `valid` names"):
        CRPS().sums(forecast, observed, valid)


def test_shapes_must_fit():
    forecast, observed, valid = case([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(FramesError, match="scores"):
        CRPS().sums(forecast, observed.isel(x=slice(0, 1)), valid)


@pytest.mark.parametrize("count", [2, 20])
def test_equals_scores(count):
    probability = pytest.importorskip("scores.probability", reason="scores is not installed")
    forecast, observed, valid = case(rain(1, (count, 2, 20, 21)), rain(2, (2, 20, 21)))
    ours = CRPS().value(CRPS().sums(forecast, observed, valid))
    for name, method in (("crps", "ecdf"), ("fair_crps", "fair")):
        said, seen = forecast.drop_vars("time"), observed.astype(np.float64)
        theirs = probability.crps_for_ensemble(said.astype(np.float64), seen, "member", method=method, preserve_dims="lead_time")
        np.testing.assert_allclose(ours[name], theirs, rtol=1e-6)


def test_equals_properscoring():
    properscoring = pytest.importorskip("properscoring", reason="properscoring is not installed")
    members, observed = rain(1, (20, 30, 31)), rain(2, (30, 31))
    theirs = properscoring.crps_ensemble(observed, np.moveaxis(members, 0, -1)).mean()
    assert of(members, observed)["crps"].item() == pytest.approx(theirs, rel=1e-6)


def test_equals_xskillscore():
    xskillscore = pytest.importorskip("xskillscore", reason="xskillscore is not installed")
    forecast, observed, valid = case(rain(1, (20, 1, 30, 31)), rain(2, (1, 30, 31)))
    theirs = xskillscore.crps_ensemble(observed, forecast.drop_vars("time"), member_dim="member")
    assert CRPS().value(CRPS().sums(forecast, observed, valid))["crps"].item() == pytest.approx(theirs.item(), rel=1e-6)


@pytest.fixture(scope="module")
def pysteps_crps():
    """pysteps' CRPS of members (member, y, x)."""
    from contextlib import redirect_stdout
    from io import StringIO

    with redirect_stdout(StringIO()):
        probscores = pytest.importorskip("pysteps.verification.probscores", reason="pysteps is not installed")
    return probscores.CRPS


def test_equals_pysteps_where_nothing_ties(pysteps_crps):
    rng = np.random.default_rng(0)
    members, observed = rng.gamma(0.5, size=(20, 30, 31)).astype(np.float32), rng.gamma(0.5, size=(30, 31)).astype(np.float32)
    assert of(members, observed)["crps"].item() == pytest.approx(pysteps_crps(members, observed), rel=1e-5)


@pytest.mark.parametrize(("observed", "exact"), [(0.0, 5 / 9), (5.0, 20 / 9)])
def test_pysteps_is_wrong_where_values_tie(pysteps_crps, observed, exact):
    """Its strict comparisons drop the intervals that begin or end at a tie; see the source of CRPS_accum."""
    assert pysteps_crps(np.reshape([0.0, 0.0, 5.0], (3, 1, 1)), np.reshape(observed, (1, 1))) == 0.0
    assert pixel([0.0, 0.0, 5.0], observed)["crps"] == pytest.approx(exact, rel=1e-6)


def test_pysteps_is_too_kind_to_rain(pysteps_crps):
    members, observed = rain(1, (20, 60, 61), wet=0.2), rain(2, (60, 61), wet=0.2)
    exact = brute_force(members, observed).mean()
    assert of(members, observed)["crps"].item() == pytest.approx(exact, rel=1e-6)
    assert pysteps_crps(members, observed) < 0.99 * exact
