"""What every score in `SCORES` promises. A new score is tested here once `RULES` says what its values mean."""

import copy
import math
import pickle
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import FramesError
from stormcell.verification import SCORES
from tests.verification.cases import NAN, case, rain


class Rule(NamedTuple):
    """What a value means: the best one (None: it says nothing about quality), its bounds, and whether a dry day has one (None: in part)."""

    best: float | None = None
    low: float = -math.inf
    high: float = math.inf
    dry: bool | None = False


ERROR, SHARE, LIKE = Rule(0, 0, dry=True), Rule(1, 0, 1), Rule(1, -1, 1)
RULES: dict[str, dict[str, Rule]] = {
    "balanced": {"b_mse": ERROR, "b_mae": ERROR},
    "contingency": {
        "pod": SHARE,
        "far": Rule(0, 0, 1),
        "csi": SHARE,
        "hss": LIKE,
        "ets": Rule(1, -1 / 3, 1),
        "bias": Rule(1, 0),
        "accuracy": Rule(1, 0, 1, dry=True),
        "peirce": LIKE,
    },
    "continuous": {
        "me": Rule(0, dry=True),
        "mae": ERROR,
        "rmse": ERROR,
        "rainfall_mse": ERROR,
        "correlation": SHARE,
        "pearson": LIKE,
    },
    "fss": {"fss": SHARE},
    "sal": {
        "structure": Rule(0, -2, 2),
        "amplitude": Rule(0, -2, 2),
        "location": Rule(0, 0, 2),
        "structure_abs": Rule(0, 0, 2),
        "amplitude_abs": Rule(0, 0, 2),
    },
    "spectrum": {"forecast_power": Rule(None, 0, dry=True), "observed_power": Rule(None, 0, dry=True), "log_spectral_distance": Rule(0, 0)},
    "ssim": {"ssim": LIKE},
    "brier": {
        "brier": Rule(0, 0, 1, dry=True),
        "fair_brier": Rule(0, high=1, dry=True),
        "reliability": Rule(0, 0, 1, dry=True),
        "resolution": Rule(None, -1e-12, 0.25, dry=True),
        "uncertainty": Rule(None, 0, 0.25, dry=True),
        "brier_skill": Rule(1, high=1),
        "mean_probability": Rule(None, 0, 1, dry=None),
        "observed_frequency": Rule(None, 0, 1, dry=None),
        "share": Rule(None, 0, 1, dry=True),
        "hit_rate": Rule(None, 0, 1),
        "false_alarm_rate": Rule(None, 0, 1, dry=True),
        "roc_area": SHARE,
    },
    "crps": {"crps": ERROR, "fair_crps": Rule(0, dry=True)},
    "rank-histogram": {"frequency": Rule(None, 0, 1), "departure": Rule(0, 0)},
    "spread": {"spread": Rule(None, 0, dry=True), "rmse": ERROR, "ratio": Rule(None, 0)},
    "hko-7": {"csi": SHARE, "hss": LIKE, "pod": SHARE, "far": Rule(0, 0, 1), "b_mse": ERROR, "b_mae": ERROR},
}
BUILDERS = SCORES
every_score = pytest.mark.parametrize("name", BUILDERS)


def members(seed: int) -> np.ndarray:
    """An ensemble of three, two lead times."""
    return np.stack([rain(100 * seed + member) for member in range(3)])


def random_case(seed: int):
    return case(members(seed), rain(seed), rain(seed + 50) > 0.5)


@cache
def some_sums(name: str) -> list[xr.DataArray]:
    return [BUILDERS[name]().sums(*random_case(seed)) for seed in range(4)]


def values_of(name: str, sums: xr.DataArray) -> xr.Dataset:
    """The values that `RULES` speaks of; the benchmark's means over lead times follow from them."""
    value = BUILDERS[name]().value(sums)
    return value.drop_vars([variable for variable in value if str(variable).startswith("mean_") and variable not in RULES[name]])


@every_score
def test_every_value_has_its_rule(name):
    assert set(values_of(name, some_sums(name)[0])) == set(RULES[name])


@pytest.mark.parametrize("name", SCORES)
def test_it_has_its_line_of_docs(name):
    assert f"`{name}`" in (Path(__file__).parents[2] / "docs" / "verification.md").read_text()


@every_score
def test_shape_and_type(name):
    sums = some_sums(name)[0]
    assert sums.dims[0] == "lead_time" and sums.dims[-1] == "statistic" and sums.dtype == np.float64
    assert sums["lead_time"].dtype == np.dtype("timedelta64[ns]")
    for variable, value in values_of(name, sums).items():
        assert value.dims[0] == "lead_time" and "statistic" not in value.coords and set(value.dims) < set(sums.dims), variable


@every_score
def test_a_perfect_forecast_has_the_best_value(name):
    seen = 3 * rain(1)  # with events at every threshold
    value = values_of(name, BUILDERS[name]().sums(*case(np.stack([seen] * 3), seen, rain(51) > 0.5)))
    for variable, rule in RULES[name].items():
        if rule.best is not None:
            np.testing.assert_allclose(value[variable], rule.best, atol=1e-9, err_msg=variable)


@every_score
@given(st.permutations(range(4)), st.integers(1, 3))
def test_any_order_and_any_split_of_cases_is_the_whole(name, order, cut):
    cases = some_sums(name)
    whole = values_of(name, cases[0] + cases[1] + cases[2] + cases[3])
    parts = [[cases[index] for index in part] for part in (order[:cut], order[cut:])]
    xr.testing.assert_allclose(values_of(name, sum(parts[0]) + sum(parts[1])), whole, rtol=1e-9)


@every_score
def test_lead_times_do_not_know_of_each_other(name):
    of = random_case(1)
    alone = BUILDERS[name]().sums(*(part.isel(lead_time=[1]) for part in of))
    xr.testing.assert_allclose(alone, some_sums(name)[1].isel(lead_time=[1]), rtol=1e-12)


@every_score
def test_the_order_of_members_does_not_matter(name):
    forecast, observed, valid = random_case(1)
    xr.testing.assert_allclose(BUILDERS[name]().sums(forecast.isel(member=[2, 0, 1]), observed, valid), some_sums(name)[1], rtol=1e-4)


@every_score
@pytest.mark.parametrize("rubbish", [NAN, np.inf, -np.inf, -5.0, 1e30])
def test_what_lies_outside_the_mask_changes_nothing(name, rubbish):
    forecast, observed, valid = random_case(1)
    other = BUILDERS[name]().sums(forecast.where(valid, rubbish), observed.where(valid, rubbish), valid)
    np.testing.assert_array_equal(other, some_sums(name)[1])


@every_score
@pytest.mark.parametrize("where", ["forecast", "observed"])
def test_a_gap_under_the_mask_is_loud(name, where):
    parts = dict(zip(("forecast", "observed", "valid"), copy.deepcopy(random_case(1)), strict=True))
    spot = np.argwhere(parts["valid"].values[1])[7]
    parts[where].values[..., 1, spot[0], spot[1]] = NAN
    with pytest.raises(FramesError):
        BUILDERS[name]().sums(**parts)


@every_score
def test_parts_that_do_not_fit_are_refused(name):
    forecast, observed, valid = random_case(1)
    with pytest.raises(FramesError):
        BUILDERS[name]().sums(forecast, observed.isel(x=slice(1, None)), valid)
    with pytest.raises(FramesError):
        BUILDERS[name]().sums(forecast, observed, valid.astype(np.float32))


@every_score
@given(seed=st.integers(0, 10**6), wet=st.tuples(*2 * [st.floats(0, 1)]), scale=st.sampled_from([0.01, 1.0, 100.0]))
def test_bounds(name, seed, wet, scale):
    said = np.stack([rain(seed + member, (2, 9, 11), wet[0]) for member in range(3)])
    value = values_of(name, BUILDERS[name]().sums(*case(said * scale, rain(seed + 9, (2, 9, 11), wet[1]))))
    for variable, rule in RULES[name].items():
        numbers = value[variable].values
        assert np.all(np.isnan(numbers) | ((numbers >= rule.low) & (numbers <= rule.high))), variable


@every_score
def test_a_dry_day_is_nothing_to_be_proud_of(name):
    dry = np.zeros((2, 9, 11))
    value = values_of(name, BUILDERS[name]().sums(*case(np.stack([dry] * 3), dry)))
    for variable, rule in RULES[name].items():
        known = np.isfinite(value[variable])
        assert {True: known.all(), False: not known.any(), None: known.any() and not known.all()}[rule.dry], variable


@every_score
def test_nothing_known_is_nothing_scored(name):
    nothing = BUILDERS[name]().sums(*case(members(1), rain(1), np.zeros((2, 24, 30), bool)))
    for variable, value in values_of(name, nothing).items():
        assert np.isnan(value).all(), variable
    xr.testing.assert_allclose(values_of(name, nothing + some_sums(name)[1]), values_of(name, some_sums(name)[1]), rtol=1e-12)


@every_score
def test_further_dimensions_are_kept(name):
    a, b, *_ = some_sums(name)
    both = values_of(name, xr.concat([a, b], xr.Variable("day", [1, 2])))
    for day, sums in ((1, a), (2, b)):
        xr.testing.assert_allclose(both.sel(day=day, drop=True), values_of(name, sums), rtol=1e-12)


@every_score
def test_what_is_scored_is_left_alone(name):
    of = random_case(1)
    before = copy.deepcopy(of)
    BUILDERS[name]().sums(*of)
    for part, kept in zip(of, before, strict=True):
        xr.testing.assert_identical(part, kept)


@every_score
def test_a_score_can_be_sent_to_another_process(name):
    score = BUILDERS[name]()
    assert pickle.loads(pickle.dumps(score)) == score
