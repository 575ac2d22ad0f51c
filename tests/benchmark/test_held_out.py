"""Sums after calibration, worked out from those before, are the sums of calibrated forecasts."""

import numpy as np
import pytest
import xarray as xr

from stormcell.benchmark.calibrate import folds_of
from stormcell.benchmark.calibration_fit import fit_decisions, fit_probabilities, fit_rain_rates
from stormcell.benchmark.held_out import calibrated_brier_sums, calibrated_decision_sums, calibrated_rain_rate_sums, held_out
from stormcell.errors import StormcellError
from stormcell.methods.calibrated import calibrated_probabilities
from stormcell.methods.calibration import Calibration, ProbabilityMaps, RainRateMaps
from stormcell.verification import Brier
from stormcell.verification.decision_rates import DecisionRates
from stormcell.verification.rain_rates import RATES, RainRates
from tests.verification.cases import case, rain

SCORE = Brier((0.5, 2.0))


def hindcast(score, cases) -> xr.DataArray:
    return xr.concat([score.sums(*case(*one)) for one in cases], "case")


def test_brier_sums_are_those_of_the_calibrated_probabilities():
    """With the score worked out pixel by pixel from `calibrated_probabilities`."""
    squares = tuple(node**2 for node in np.arange(6) / 5)
    maps = ProbabilityMaps((0.5, 2.0), tuple(np.arange(6) / 5), ((squares, squares), (None, None)))
    said, seen = rain(1, (5, 2, 24, 30)), rain(2)
    forecast, observed, valid = case(said, seen)
    after = SCORE.value(calibrated_brier_sums(hindcast(SCORE, [(said, seen)]), maps).isel(case=0))
    q = calibrated_probabilities(forecast, Calibration("x", "isotonic", 5, (5.0, 10.0), maps, 1)).values
    for row, threshold in enumerate(SCORE.thresholds):
        pixelwise = ((q[:, row] - (seen >= threshold)) ** 2).mean(axis=(1, 2))
        np.testing.assert_allclose(after["brier"].isel(threshold=row).values, pixelwise, rtol=1e-5)
    assert np.isnan(after["fair_brier"].values).tolist() == [[True, True], [False, False]], "with a map it is no share of members"


def test_without_a_map_sums_stay():
    sums = hindcast(SCORE, [(rain(1, (4, 2, 24, 30)), rain(2)), (rain(3, (4, 2, 24, 30)), rain(4))])
    maps = ProbabilityMaps((0.5, 2.0), (0.0, 1.0), ((None, None),) * 2)
    np.testing.assert_allclose(calibrated_brier_sums(sums, maps).values, sums.values, atol=1e-9)
    rates = hindcast(RainRates(), [(rain(1), rain(2))])
    np.testing.assert_array_equal(calibrated_rain_rate_sums(rates, RainRateMaps(RATES, (None, None))).values, rates.values)


def test_rain_rate_sums_are_those_of_the_mapped_rain():
    """Doubled: an octave is 8 classes."""
    said = np.minimum(rain(1, (2, 48, 60)), 40)
    doubled = RainRateMaps(RATES, ((0.2, *(2 * rate for rate in RATES[1:])),) * 2)
    before, after = (RainRates().sums(*case(one, rain(2, (2, 48, 60)))).sel(statistic="forecast") for one in (said, 2 * said))
    got = calibrated_rain_rate_sums(hindcast(RainRates(), [(said, rain(2, (2, 48, 60)))]), doubled).isel(case=0).sel(statistic="forecast")
    assert float(got.sum()) == pytest.approx(float(before.sum()))
    reaching = [np.cumsum(one.values[:, ::-1], axis=1)[:, ::-1] for one in (got, after)]
    np.testing.assert_allclose(reaching[0][:, 10:], reaching[1][:, 10:], atol=0.01 * float(before.sum()) / 2)


def test_decision_sums_are_those_of_the_mapped_rain():
    score = DecisionRates((0.5, 2.0))
    pairs = [(rain(index, (2, 24, 30)) / 2, rain(index)) for index in range(6)]
    before = hindcast(score, pairs)
    maps = fit_decisions(before)
    after = hindcast(score, [(np.stack([maps(field, lead) for lead, field in enumerate(said)]), seen) for said, seen in pairs])
    expected, got = (score.value(sums.sum("case"))["csi"].values for sums in (after, calibrated_decision_sums(before, maps)))
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert (got > score.value(before.sum("case"))["csi"].values).all()


def test_isotonic_never_scores_worse_where_it_was_learnt():
    sums = hindcast(SCORE, [(rain(i, (4, 2, 24, 30)), rain(i + 9)) for i in range(6)])
    after = calibrated_brier_sums(sums, fit_probabilities(sums, 4, "isotonic"))
    before, after = (SCORE.value(one.sum("case")) for one in (sums, after))
    assert (after["brier"] <= before["brier"] + 1e-12).all() and float(after["reliability"].max()) < 1e-9
    rates = hindcast(RainRates(), [(1.7 * rain(i, (2, 48, 60)), rain(i + 9, (2, 48, 60))) for i in range(6)])
    mended = calibrated_rain_rate_sums(rates, fit_rain_rates(rates))
    before, after = (RainRates().value(one.sum("case"))["distance"] for one in (rates, mended))
    assert (after < 0.3 * before).all()


def test_no_fold_sees_itself():
    sums = xr.DataArray(np.arange(4.0)[:, None], dims=("case", "statistic"))
    seen = []

    def learn(train):
        seen.append(train.values.ravel().tolist())
        return float(train.sum())

    result = held_out(sums, np.array([0, 1, 0, 2]), learn, lambda test, total: test + total)
    assert seen == [[1, 3], [0, 2, 3], [0, 1, 2]] and result.values.ravel().tolist() == [4, 6, 6, 6]
    assert sums.values.ravel().tolist() == [0, 1, 2, 3]


def of_times(*times: str, events: str | None = None) -> xr.DataArray:
    stamps = np.array([f"2024-07-{time}:00" for time in times], "datetime64[ns]")
    names = np.array(list(events or "a" * len(times)), dtype=object)
    return xr.DataArray(np.zeros(len(times)), dims="case", coords={"case": stamps, "event": ("case", names)})


def test_folds():
    days = of_times("01T10", "01T11", "02T10", "04T10", events="aabb")
    assert folds_of(days).tolist() == [0, 0, 1, 2] and folds_of(days, "event").tolist() == [0, 0, 1, 1]
    assert folds_of(days, "block").tolist() == [0, 1, 0, 1], "of each event, one after the other"
    assert folds_of(of_times(*(f"01T{hour:02}" for hour in range(10)))).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    many = folds_of(of_times(*(f"{day:02}T00" for day in range(1, 31))))
    assert sorted(set(many)) == list(range(20)) and (np.diff(many) >= 0).all()


@pytest.mark.parametrize(("times", "split"), [(("01T10",), None), (("01T10", "01T11"), "day"), (("01T10", "02T11"), "event")])
def test_one_fold_holds_out_nothing(times, split):
    with pytest.raises(StormcellError, match="none can be held out"):
        folds_of(of_times(*times), split)
