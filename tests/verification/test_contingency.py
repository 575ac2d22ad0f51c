import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import FramesError
from stormcell.verification.contingency import OUTCOMES, Contingency, csi, ets, hss
from tests.verification.cases import NAN, case, rain, values


def counts_of(forecast, observed, threshold=1.0):
    return Contingency((threshold,)).sums(*case(forecast, observed))


def test_by_hand():
    #                        hit  hit  miss  false alarm  dry  unknown   at the threshold: an event in both
    forecast, observed = [2.0, 3.0, 0.0, 5.0, 0.0, NAN, 9.0, 1.0], [4.0, 1.0, 2.0, 0.0, 0.5, 2.0, NAN, 1.0]
    assert counts_of(forecast, observed).squeeze().values.tolist() == [3, 1, 1, 1]
    h, m, f, c, n = 3, 1, 1, 1, 6
    by_chance = (h + m) * (h + f) / n
    assert values(Contingency((1.0,)), forecast, observed, threshold=1.0) == pytest.approx(
        {
            "pod": 3 / 4,
            "far": 1 / 4,
            "csi": 3 / 5,
            "hss": 2 * (h * c - m * f) / ((h + m) * (m + c) + (h + f) * (f + c)),
            "ets": (h - by_chance) / (h + m + f - by_chance),
            "bias": 1.0,
            "accuracy": 4 / 6,
            "peirce": 3 / 4 - 1 / 2,
        }
    )


BEST = {"pod": 1.0, "far": 0.0, "csi": 1.0, "hss": 1.0, "ets": 1.0, "bias": 1.0, "accuracy": 1.0, "peirce": 1.0}


def test_perfect():
    assert values(Contingency((1.0,)), [2.0, 0.0], [2.0, 0.0], threshold=1.0) == BEST


DEGENERATE = {
    "dry and said so: only accuracy is defined": ([0.0, 0.1], [0.0, 0.5], {"accuracy": 1.0}),
    "dry, and rain was said": ([2.0, 0.0], [0.0, 0.0], {"far": 1.0, "csi": 0.0, "hss": 0.0, "ets": 0.0, "accuracy": 0.5}),
    "rain, and none was said": (
        [0.0, 0.0],
        [2.0, 0.0],
        {"pod": 0.0, "csi": 0.0, "hss": 0.0, "ets": 0.0, "bias": 0.0, "accuracy": 0.5, "peirce": 0.0},
    ),
    "rain everywhere and said so": ([2.0, 2.0], [3.0, 3.0], {"pod": 1.0, "far": 0.0, "csi": 1.0, "bias": 1.0, "accuracy": 1.0}),
    "all the wrong way round": (
        [2.0, 0.0],
        [0.0, 2.0],
        {"pod": 0.0, "far": 1.0, "csi": 0.0, "hss": -1.0, "ets": -1 / 3, "bias": 1.0, "accuracy": 0.0, "peirce": -1.0},
    ),
    "nothing known": ([NAN, NAN], [1.0, NAN], {}),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name):
    forecast, observed, defined = DEGENERATE[name]
    assert values(Contingency((1.0,)), forecast, observed, threshold=1.0) == pytest.approx(dict.fromkeys(BEST, NAN) | defined, nan_ok=True)


def test_undefined_stays_undefined_where_counts_are_large():
    """The usual form of ETS gives 0/0 with rounding errors here, which may come out as any number."""
    counts = counts_of([2.0], [2.0]) * 3_000_000_007
    assert np.isnan(ets(counts)).all() and np.isnan(hss(counts)).all() and (csi(counts) == 1).all()


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7, 1.0, 2.2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_pixel_at_the_threshold_is_an_event_in_any_precision(threshold, dtype):
    """0.7 in float32 is below 0.7 in float64, 0.1 is above."""
    forecast, observed, valid = case([[0.0]], [[0.0]])
    at = observed.astype(dtype) + dtype(threshold)
    below = observed.astype(dtype) + dtype(np.nextafter(np.float32(threshold), np.float32(0)))
    score = Contingency((threshold,))
    assert score.sums(at.expand_dims("member"), at, valid).squeeze().values.tolist() == [1, 0, 0, 0]
    assert score.sums(below.expand_dims("member"), at, valid).squeeze().values.tolist() == [0, 1, 0, 0]
    assert forecast.dtype == np.float32


def test_thresholds_and_statistics_are_named():
    counts = Contingency((0.5, 2.0)).sums(*case(rain(1), rain(2)))
    assert counts.dims == ("lead_time", "threshold", "statistic") and counts["threshold"].values.tolist() == [0.5, 2.0]
    assert counts["statistic"].values.tolist() == list(OUTCOMES)
    assert (counts.sum("statistic") == 24 * 30).all()
    with pytest.raises(FramesError, match="thresholds above 0"):
        Contingency((0.0, 1.0))


def test_the_order_of_the_statistics_does_not_matter():
    counts = counts_of([2.0, 3.0, 0.0, 5.0], [4.0, 1.0, 2.0, 0.0])
    np.testing.assert_array_equal(csi(counts.isel(statistic=[3, 1, 0, 2])), csi(counts))


@given(st.tuples(*4 * [st.integers(0, 10**7)]))
def test_hss_and_ets_are_one_and_the_same(table):
    counts = counts_of([0.0], [0.0]).copy(data=np.array(table, float).reshape(1, 1, 4))
    heidke, gilbert = float(hss(counts).squeeze()), float(ets(counts).squeeze())
    assert np.isnan(heidke) == np.isnan(gilbert)
    if not np.isnan(heidke):
        assert heidke == pytest.approx(2 * gilbert / (1 + gilbert), abs=1e-9) and -1 <= heidke <= 1 and -1 / 3 - 1e-12 <= gilbert <= 1


def test_twin_of_scores():
    package = pytest.importorskip("scores", reason="scores is not installed")
    forecast, observed, valid = case(rain(1), rain(2), rain(3) > 1)
    ours = Contingency((0.5, 2.0))
    got = ours.value(ours.sums(forecast, observed, valid))
    for threshold in ours.thresholds:
        # NaN, which `scores` leaves out, stands for our mask
        said, seen = ((field >= threshold).astype(float).where(valid) for field in (forecast[0], observed))
        manager = package.categorical.BinaryContingencyManager(said, seen).transform(preserve_dims=["lead_time"])
        for name, theirs in {
            "pod": manager.probability_of_detection(),
            "far": manager.false_alarm_ratio(),
            "csi": manager.critical_success_index(),
            "hss": manager.heidke_skill_score(),
            "ets": manager.equitable_threat_score(),
            "bias": manager.frequency_bias(),
            "accuracy": manager.accuracy(),
            "peirce": manager.peirce_skill_score(),
        }.items():
            np.testing.assert_allclose(got[name].sel(threshold=threshold), theirs, rtol=1e-12, err_msg=name)


def test_twin_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    forecast, observed, valid = case(rain(1)[:1], rain(2)[:1], rain(3)[:1] > 1)
    got = values(Contingency((1.0,)), forecast, observed, valid, threshold=1.0)
    said, seen = ((field.values[valid.values] >= 1.0) for field in (forecast[0], observed))
    assert got["pod"] == pytest.approx(metrics.recall_score(seen, said))
    assert got["far"] == pytest.approx(1 - metrics.precision_score(seen, said))
    assert got["csi"] == pytest.approx(metrics.jaccard_score(seen, said))
    assert got["hss"] == pytest.approx(metrics.cohen_kappa_score(seen, said))
    assert got["accuracy"] == pytest.approx(metrics.accuracy_score(seen, said))


@pytest.fixture
def det_cat_fct(capsys):
    return pytest.importorskip("pysteps.verification.detcatscores", reason="pysteps is not installed").det_cat_fct


def test_twin_of_pysteps_where_nothing_is_missing_or_at_the_threshold(det_cat_fct):
    forecast, observed = rain(1)[0], rain(2)[0]
    got = values(Contingency((1.0,)), forecast, observed, threshold=1.0)
    theirs = det_cat_fct(forecast, observed, 1.0, ["POD", "FAR", "CSI", "HSS", "ETS", "BIAS", "ACC", "HK"])
    assert list(got.values()) == pytest.approx(list(theirs.values()), rel=1e-12)


def test_pysteps_takes_missing_for_dry(det_cat_fct):
    """A forecast of NaN counts as a miss where it rained and as a right answer where it did not; here it counts not at all."""
    forecast, observed = np.array([2.0, 0.0, NAN, NAN]), np.array([2.0, 0.0, 2.0, 0.0])
    theirs = det_cat_fct(forecast, observed, 1.0, ["POD", "ACC"])
    assert theirs == {"POD": 0.5, "ACC": 0.75}
    got = values(Contingency((1.0,)), forecast, observed, threshold=1.0)
    assert got["pod"] == 1 and got["accuracy"] == 1


def test_pysteps_has_no_event_at_the_threshold(det_cat_fct):
    at = np.array([1.0, 0.0])
    with np.errstate(invalid="ignore"):
        assert np.isnan(det_cat_fct(at, at, 1.0, ["POD"])["POD"])
    assert values(Contingency((1.0,)), at, at, threshold=1.0)["pod"] == 1
