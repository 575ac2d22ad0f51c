import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stormcell.errors import FramesError
from stormcell.verification.brier import Brier
from tests.verification.cases import NAN, case, rain, values


def of(members, observed, valid=None, threshold=1.0):
    """The scores of fields: members (member, y, x), observation (y, x)."""
    score = Brier((threshold,))
    return score.value(score.sums(*case(np.asarray(members)[:, np.newaxis], observed, valid))).squeeze(("lead_time", "threshold"))


def warned(probabilities, count=4):
    """Members (member, 1, x) of which these shares say 2 mm h-1, the others 0."""
    return np.array([[np.round(np.multiply(probabilities, count)) > member] for member in range(count)]) * 2.0


def numbers(scores, names):
    return {name: scores[name].item() for name in names}


PARTS = ("brier", "reliability", "resolution", "uncertainty", "brier_skill", "roc_area")


def test_by_hand():
    #            p       o (the threshold itself is an event)
    pixels = [(0.0, 0.0), (0.0, 0.5), (0.0, 1.0), (0.5, 2.0), (0.5, 0.0), (1.0, 9.0)]
    probabilities, observed = zip(*pixels, strict=True)
    got = of(warned(probabilities), [observed])
    reliability = (3 * (0 - 1 / 3) ** 2 + 2 * (0.5 - 0.5) ** 2 + 1 * (1 - 1) ** 2) / 6
    resolution = (3 * (1 / 3 - 1 / 2) ** 2 + 2 * (1 / 2 - 1 / 2) ** 2 + 1 * (1 - 1 / 2) ** 2) / 6
    assert numbers(got, PARTS) == pytest.approx(
        {
            "brier": (0 + 0 + 1 + 0.25 + 0.25 + 0) / 6,
            "reliability": reliability,
            "resolution": resolution,
            "uncertainty": 0.25,
            "brier_skill": 1 - 1 / 4 / 0.25,
            # 9 pairs of a pixel with and one without event: of events at p = 0, 0.5, 1 the larger, ties half
            "roc_area": ((0.5 + 0.5 + 0) + (1 + 1 + 0.5) + (1 + 1 + 1)) / 9,
        }
    )
    curve = got.sel(forecast_probability=[0.0, 0.5, 1.0], method="nearest")
    np.testing.assert_allclose(curve["mean_probability"], [0, 0.5, 1])
    np.testing.assert_allclose(curve["observed_frequency"], [1 / 3, 1 / 2, 1])
    np.testing.assert_allclose(curve["share"], [3 / 6, 2 / 6, 1 / 6])
    np.testing.assert_allclose(curve["hit_rate"], [1, 2 / 3, 1 / 3])
    np.testing.assert_allclose(curve["false_alarm_rate"], [1, 1 / 3, 0])
    np.testing.assert_allclose(got["share"].sum(), 1)
    assert np.isnan(got["observed_frequency"].sel(forecast_probability=0.25, method="nearest"))  # no such forecast


NO_SKILL = {"brier_skill": NAN, "roc_area": NAN}
DEGENERATE = {
    "perfect": ([0.0, 1.0], [0.0, 3.0], {"brier": 0, "reliability": 0, "resolution": 0.25, "brier_skill": 1, "roc_area": 1}),
    "always wrong": ([1.0, 0.0], [0.0, 3.0], {"brier": 1, "reliability": 1, "resolution": 0.25, "brier_skill": -3, "roc_area": 0}),
    "climatology": ([0.5, 0.5], [0.0, 3.0], {"brier": 0.25, "reliability": 0, "resolution": 0, "brier_skill": 0, "roc_area": 0.5}),
    "dry, and said so": ([0.0, 0.0], [0.0, 0.5], {"brier": 0, "reliability": 0, "resolution": 0} | NO_SKILL),
    "dry, and rain was said": ([1.0, 0.5], [0.0, 0.0], {"brier": 0.625, "reliability": 0.625, "resolution": 0} | NO_SKILL),
    "rain everywhere, and said so": ([1.0, 1.0], [3.0, 2.0], {"brier": 0, "reliability": 0, "resolution": 0} | NO_SKILL),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name):
    probabilities, observed, expected = DEGENERATE[name]
    assert numbers(of(warned(probabilities), [observed]), expected) == pytest.approx(expected, nan_ok=True, abs=1e-12)


def test_no_valid_pixel_is_no_score():
    got = of(warned([0.0, 1.0]), [[0.0, 1.0]], [[False, False]])
    assert all(np.isnan(got[name]).all() for name in got.data_vars)


def test_one_member_is_a_share_of_wrong_answers():
    assert values(Brier((1.0,)), [2.0, 0.0, 0.0, 1.0], [0.0, 0.0, 5.0, 1.0], forecast_probability=1.0)["brier"] == 0.5


def test_a_pixel_at_the_threshold_is_an_event_in_single_precision():
    assert of(np.full((2, 1, 1), 0.1), [[0.1]], threshold=0.1)["brier"] == 0
    assert of(np.full((2, 1, 1), 0.1), [[0.0]], threshold=0.1)["brier"] == 1


SOME_RAIN = st.sampled_from([0.0, 0.5, 1.0, 3.0])


@st.composite
def ensembles(draw, largest=12):
    count, pixels = draw(st.integers(1, largest)), draw(st.integers(1, 20))
    return draw(arrays(np.float32, (count, 1, pixels), elements=SOME_RAIN)), draw(arrays(np.float32, (1, pixels), elements=SOME_RAIN))


@given(ensembles())
def test_the_parts_make_the_whole_and_the_area_is_a_share(ensemble):
    members, observed = ensemble
    got = of(members, observed)
    p, o = (members >= 1).mean(axis=0), observed >= 1
    assert got["brier"].item() == pytest.approx(((p - o) ** 2).mean(), abs=1e-12)
    assert got["brier"].item() == pytest.approx((got["reliability"] - got["resolution"] + got["uncertainty"]).item(), abs=1e-12)
    assert got["reliability"] >= 0 and got["resolution"] >= -1e-12
    area = got["roc_area"].item()
    assert np.isnan(area) if o.all() or not o.any() else 0 <= area <= 1
    hits, false_alarms = ([*got[name].values, 0.0] for name in ("hit_rate", "false_alarm_rate"))
    if not np.isnan(area):
        assert area == pytest.approx(-np.trapezoid(hits, false_alarms), abs=1e-12)


@given(ensembles(), st.data())
def test_any_split_adds_up_and_nothing_leaks_from_outside(ensemble, data):
    members, observed = ensemble
    left = data.draw(arrays(bool, observed.shape))
    score = Brier((0.5, 1.0))
    whole, *parts = (score.sums(*case(members[:, np.newaxis], observed, valid)) for valid in (np.ones_like(left), left, ~left))
    np.testing.assert_allclose(sum(part.values for part in parts), whole.values, atol=1e-9)
    forecast, seen, valid = case(members[:, np.newaxis], observed, left)
    forecast.values[..., ~left] = seen.values[..., ~left] = NAN
    np.testing.assert_array_equal(score.sums(forecast, seen, valid), parts[0])


@given(ensembles(), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(ensemble, random):
    members, observed = ensemble
    shuffled = members[random.sample(range(len(members)), len(members))]
    assert of(members, observed).identical(of(shuffled, observed))


@pytest.mark.parametrize("count", [1, 7, 24, 49, 50])
def test_every_probability_has_a_bin_of_its_own_up_to_50_members(count):
    members = warned(np.arange(count + 1) / count, count)
    got = of(members, np.zeros((1, count + 1)))
    assert (got["share"] > 0).sum() == count + 1
    np.testing.assert_allclose(got["mean_probability"].dropna("forecast_probability"), np.arange(count + 1) / count)


def test_beyond_50_members_the_score_stays_exact_and_the_parts_still_add_up():
    members, observed = rain(1, (80, 40, 41)), rain(2, (40, 41))
    got = of(members, observed)
    assert got["brier"].item() == pytest.approx((((members >= 1).mean(axis=0) - (observed >= 1)) ** 2).mean())
    assert got["brier"].item() == pytest.approx((got["reliability"] - got["resolution"] + got["uncertainty"]).item())


def test_sums_have_one_shape_for_any_ensemble():
    one, many = (Brier().sums(*case(rain(1, (count, 2, 9, 9)), rain(2, (2, 9, 9)))) for count in (1, 30))
    assert one.sizes == many.sizes and one.dims == ("lead_time", "threshold", "forecast_probability", "statistic")
    assert not np.isnan(Brier().value(one + many)["brier"]).any()


def test_an_unexpected_gap_is_loud():
    members = rain(1, (4, 1, 9, 9))
    members[2, 0, 3, 3] = NAN
    with pytest.raises(FramesError, match="a pixel that `valid` names"):
        Brier().sums(*case(members, rain(2, (9, 9)), np.ones((9, 9), bool)))


@pytest.mark.parametrize("thresholds", [(), (0.0, 1.0), (2.0, 1.0)])
def test_thresholds_must_make_sense(thresholds):
    with pytest.raises(FramesError, match="thresholds"):
        Brier(thresholds)


@pytest.fixture
def ensemble():
    """24 members and the observation of a field that they know something about."""
    storm = rain(5, (40, 41))
    return np.maximum(storm + rain(1, (24, 40, 41)) - 2, 0), np.maximum(storm + rain(2, (40, 41)) - 2, 0)


def test_equals_scikit_learn(ensemble):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    members, observed = ensemble
    p, o = (members >= 1).mean(axis=0).ravel(), (observed >= 1).ravel()
    got = of(members, observed)
    assert got["brier"].item() == pytest.approx(metrics.brier_score_loss(o, p))
    assert got["roc_area"].item() == pytest.approx(metrics.roc_auc_score(o, p))


def test_equals_scores(ensemble):
    probability = pytest.importorskip("scores.probability", reason="scores is not installed")
    members, observed = ensemble
    forecast, seen, valid = case(members[:, np.newaxis], observed)
    theirs = probability.brier_score_for_ensemble(forecast.drop_vars("time"), seen, "member", [1.0, 2.0], fair_correction=False)
    score = Brier((1.0, 2.0))
    np.testing.assert_allclose(score.value(score.sums(forecast, seen, valid))["brier"].squeeze(), theirs, rtol=1e-12)


def test_the_fair_score_equals_that_of_scores(ensemble):
    probability = pytest.importorskip("scores.probability", reason="scores is not installed")
    members, observed = ensemble
    forecast, seen, valid = case(members[:, np.newaxis], observed)
    theirs = probability.brier_score_for_ensemble(forecast.drop_vars("time"), seen, "member", [1.0, 2.0], fair_correction=True)
    score = Brier((1.0, 2.0))
    np.testing.assert_allclose(score.value(score.sums(forecast, seen, valid))["fair_brier"].squeeze(), theirs, rtol=1e-12)


def test_sums_of_older_results_have_all_but_the_fair_score():
    sums = Brier().sums(*case(rain(1, (4, 1, 9, 9)), rain(2, (1, 9, 9))))
    old = Brier().value(sums.sel(statistic=[name for name in sums["statistic"].values if name != "fair_excess"]))
    assert np.isnan(old["fair_brier"]).all()
    np.testing.assert_array_equal(old["brier"], Brier().value(sums)["brier"])


def test_the_fair_score_by_hand():
    """One of two members reaches 1 mm/h where it rained: p = 1/2, brier 1/4, of which 1/4 is for there being two only."""
    assert of(np.array([0.0, 2.0]).reshape(2, 1, 1), [[2.0]])["fair_brier"].item() == 0.0
    assert np.isnan(of(np.array([2.0]).reshape(1, 1, 1), [[2.0]])["fair_brier"].item())


def test_equals_pysteps(ensemble):
    from contextlib import redirect_stdout
    from io import StringIO

    with redirect_stdout(StringIO()):
        probscores = pytest.importorskip("pysteps.verification.probscores", reason="pysteps is not installed")
    members, observed = ensemble
    p, got = (members >= 1).mean(axis=0), of(members, observed)
    curve = probscores.ROC_curve_init(0.999, n_prob_thrs=25)  # pysteps' event is "> threshold"
    probscores.ROC_curve_accum(curve, p, observed)
    false_alarm_rate, hit_rate, area = probscores.ROC_curve_compute(curve, compute_area=True)
    assert got["roc_area"].item() == pytest.approx(area, abs=5e-3)
