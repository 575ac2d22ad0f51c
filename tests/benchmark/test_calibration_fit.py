"""Curves by hand, against scikit-learn, and what holds for all of them."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stormcell.benchmark.calibration_fit import (
    FEWEST_CASES,
    decisions,
    fit_decisions,
    fit_probabilities,
    fit_rain_rates,
    isotonic,
    logistic,
    quantiles,
)
from stormcell.verification import Brier
from stormcell.verification.decision_rates import DecisionRates
from stormcell.verification.rain_rates import RATES, RainRates
from tests.verification.cases import case, rain

P = np.arange(6) / 5
counts = hnp.arrays(np.float64, 6, elements=st.integers(1, 1000).map(float))
shares = hnp.arrays(np.float64, 6, elements=st.floats(0, 1))


def test_isotonic_by_hand():
    """0.5 before 0.2 violates: both get (5 + 6) / 40."""
    fitted = isotonic(np.array([0.0, 0.4, 0.6, 1.0]), np.array([1.0, 5.0, 6.0, 9.0]), np.array([10.0, 10.0, 30.0, 10.0]))
    np.testing.assert_allclose(fitted, [0.1, 0.275, 0.275, 0.9])


@given(shares, counts)
def test_isotonic_is_that_of_scikit_learn(share, pixels):
    from sklearn.isotonic import IsotonicRegression

    twin = IsotonicRegression().fit_transform(P, share, sample_weight=pixels)
    np.testing.assert_allclose(isotonic(P, share * pixels, pixels), twin, atol=1e-6)


@pytest.mark.parametrize("fit", [isotonic, logistic])
@given(share=shares, pixels=counts)
def test_every_curve_rises_within_bounds(fit, share, pixels):
    fitted = fit(P, share * pixels, pixels)
    assert (np.diff(fitted) >= 0).all() and fitted.min() >= 0 and fitted.max() <= 1


@pytest.mark.parametrize("fit", [isotonic, logistic])
@given(pixels=counts)
def test_what_is_calibrated_stays(fit, pixels):
    np.testing.assert_allclose(fit(P, P * pixels, pixels), P, atol=1e-4)


@given(share=shares, pixels=counts)
def test_isotonic_keeps_the_frequency_and_never_scores_worse(share, pixels):
    fitted = isotonic(P, share * pixels, pixels)
    assert (fitted * pixels).sum() == pytest.approx((share * pixels).sum(), abs=1e-6)

    def brier(q):
        return (pixels * (q**2 - 2 * q * share + share)).sum()

    assert brier(fitted) <= brier(P) + 1e-6


def test_logistic_finds_its_parameters():
    """Frequencies that lie on the curve with a = -0.5 and b = 0.6; the ends are what was observed."""
    inner = 1 / (1 + np.exp(0.5 - 0.6 * np.log(P[1:-1] / (1 - P[1:-1]))))
    share = np.array([0.01, *inner, 0.9])
    pixels = np.array([1e6, 500, 400, 300, 200, 1000.0])
    np.testing.assert_allclose(logistic(P, share * pixels, pixels), share, atol=1e-5)


def test_logistic_is_that_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    p, pixels = np.arange(1, 20) / 20, rng.integers(5, 50, 19).astype(float)
    events = np.floor(pixels * p**1.5)
    x = np.log(p / (1 - p))[:, None]
    twin = LogisticRegression(C=1e9, tol=1e-10).fit(
        np.concatenate([x, x]), np.repeat([1, 0], 19), sample_weight=np.concatenate([events, pixels - events])
    )
    np.testing.assert_allclose(logistic(p, events, pixels), twin.predict_proba(x)[:, 1], atol=1e-5)


@pytest.mark.parametrize("fit", [isotonic, logistic])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_never_and_always(fit, share):
    pixels = np.full(6, 10.0)
    np.testing.assert_allclose(fit(P, share * pixels, pixels), share, atol=1e-6)


def test_only_0_and_1_were_said():
    np.testing.assert_allclose(logistic(np.array([0.0, 1.0]), np.array([1.0, 6.0]), np.array([10.0, 10.0])), [0.1, 0.6])


def classes(**pixels: float) -> np.ndarray:
    """So many pixels in the dry class, and in those from these rain rates on."""
    result = np.zeros(len(RATES) + 1)
    result[0] = pixels.pop("dry")
    for rate, count in pixels.items():
        result[1 + RATES.index(float(rate.removeprefix("at_").replace("_", ".")))] = count
    return result


def test_quantiles_by_hand():
    """Half of what is forecast as 0.8 falls as 1.6: 1.6 is as frequent as 0.8 was said to be."""
    mapped = quantiles(classes(dry=800, at_0_8=200), classes(dry=800, at_1_6=200))
    assert mapped is not None and len(mapped) == RATES.index(0.8) + 1
    assert mapped[-1] == pytest.approx(1.6)


def test_too_much_drizzle_becomes_dry():
    mapped = quantiles(classes(dry=0, at_0_1=500, at_0_8=500), classes(dry=500, at_0_8=500))
    assert mapped is not None and mapped[0] == 0.0 and mapped[RATES.index(0.8)] == pytest.approx(0.8)


def test_too_little_rain_for_a_map():
    assert quantiles(classes(dry=1000, at_0_8=99), classes(dry=500, at_0_8=500)) is None
    assert quantiles(classes(dry=1000), classes(dry=1000)) is None
    assert quantiles(classes(dry=500, at_0_8=500), classes(dry=1e6, at_0_8=50)) is None


pixels_of_classes = hnp.arrays(np.float64, len(RATES) + 1, elements=st.integers(0, 5000).map(float))


@given(pixels_of_classes, pixels_of_classes)
def test_quantiles_never_fall(forecast, observed):
    mapped = quantiles(forecast, observed)
    assert mapped is None or ((np.diff(mapped) >= 0).all() and min(mapped) >= 0 and max(mapped) <= RATES[-1])


@given(pixels_of_classes)
def test_the_same_distribution_stays(pixels):
    mapped = quantiles(pixels + 1, pixels + 1)
    assert mapped is None or np.allclose(mapped, RATES[: len(mapped)])


def hindcast(score, cases) -> xr.DataArray:
    return xr.concat([score.sums(*case(*one)) for one in cases], "case")


def ensembles(count: int, *, wet: float = 1.0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Four members on 40 pixels; it rains `wet` where two of them say so with a chance of 1/4, and where all do with 3/4."""
    members = np.arange(4)[:, None] < np.repeat([0, 2, 4], [20, 12, 8])
    seen = np.repeat([0, 1, 0, 1, 0], [20, 3, 9, 6, 2])
    return [(members[:, None, None] * np.float32(wet), seen * np.float32(wet))] * count


@pytest.mark.parametrize("kind", ["isotonic", "logistic"])
def test_curves_from_the_sums_of_a_hindcast(kind):
    maps = fit_probabilities(hindcast(Brier((0.5, 1.0)), ensembles(FEWEST_CASES)), 4, kind)
    assert maps.thresholds == (0.5, 1.0) and maps.probabilities == (0.0, 0.25, 0.5, 0.75, 1.0)
    np.testing.assert_allclose(maps.values[0][0], [0.0, 0.125, 0.25, 0.5, 0.75], atol=1e-5)
    assert maps.values[0][1] == maps.values[0][0]


def test_more_than_50_members_share_bins():
    maps = fit_probabilities(hindcast(Brier((0.5,)), [(np.ones((60, 1, 1, 2)) * [0, 1], [0.0, 1.0])] * 5), 60, "isotonic")
    assert len(maps.probabilities) == 51 and maps.values[0][0][0] == 0.0 and maps.values[0][0][-1] == 1.0


DEGENERATE = {
    "one case": ensembles(1),
    "one case too few": ensembles(FEWEST_CASES - 1),
    "never rains": [(members, seen * 0) for members, seen in ensembles(9)],
    "always rains": [(members, seen * 0 + 1) for members, seen in ensembles(9)],
    "rains hard in few cases": ensembles(9, wet=0.1) + ensembles(2),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_nothing_is_learnt_from_too_little(name):
    assert fit_probabilities(hindcast(Brier((0.5,)), DEGENERATE[name]), 4, "isotonic").values == ((None,),)


def test_rain_rates_from_the_sums_of_a_hindcast():
    cases = [(np.full(200, 1.0), np.full(200, 2.0))] * FEWEST_CASES
    maps = fit_rain_rates(hindcast(RainRates(), cases))
    assert maps.values[0] is not None and maps(np.array([0.0, RATES[RATES.index(0.951366)]]), 0)[1] == pytest.approx(1.90273)
    assert fit_rain_rates(hindcast(RainRates(), cases[:-1])).values == (None,)
    assert fit_rain_rates(hindcast(RainRates(), [(one, other * 0) for one, other in cases])).values == (None,)


def test_decisions_by_hand():
    """1 mm/h is best said from 0.5 on (400 hits, 150 false alarms) and 2 mm/h from 2 on; between them T is a line in logs."""
    rates, hundred = (0.25, 0.5, 1.0, 2.0), 100.0
    pixels = np.tile([900.0, 300.0, 300.0, 50.0, 200.0], (2, 1))
    events = np.array([[0, 0, 200, 0, 200], [0, 0, 0, 0, hundred]], float)
    mapped = decisions(pixels, events, rates=rates, thresholds=(1.0, 2.0))
    assert mapped == pytest.approx((0.0, 1.0, 2**0.5, 2.0))


def test_two_thresholds_said_from_one_rate_on():
    pixels = np.tile([900.0, 50.0, 200.0], (2, 1))
    events = np.array([[0, 0, 200.0], [0, 0, 150.0]])
    assert decisions(pixels, events, rates=(0.5, 1.0), thresholds=(1.0, 2.0)) == (0.0, 2.0), "the higher one counts"


def test_too_few_events_for_a_decision():
    pixels = np.tile([900.0, 200.0, 200.0], (2, 1))
    events = np.array([[0, 150.0, 0], [0, 0, 99.0]])
    assert decisions(pixels, events, rates=(0.5, 1.0), thresholds=(1.0, 2.0)) == (1.0,), "2 mm/h is left to the slope"
    assert decisions(pixels, events * 0.5, rates=(0.5, 1.0), thresholds=(1.0, 2.0)) is None


def test_decisions_gain_where_they_were_learnt():
    """Forecasts of half of what comes: T doubles them, about, and the CSI of the sample is its best."""
    score = DecisionRates((0.5, 2.0))
    said = [rain(index, (3, 48, 60)) for index in range(FEWEST_CASES)]
    sums = xr.concat([score.sums(*case(field / 2, field)) for field in said], "case")
    maps = fit_decisions(sums)
    assert maps.values[0] is not None and maps.values[0] == maps.values[2], "three lead times are one"
    np.testing.assert_allclose(maps(np.array([0.1, 0.26, 1.0]), 0), [0.0, 0.5, 2.0], rtol=0.1, atol=0.1)
    after = score.value(xr.concat([score.sums(*case(maps(field / 2, 0), field)) for field in said], "case").sum("case"))
    assert (after["csi"] > score.value(sums.sum("case"))["csi"] + 0.005).all() and float(after["csi"].min()) > 0.9
