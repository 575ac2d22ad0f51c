import numpy as np
import pytest
import xarray as xr

from stormcell.errors import FramesError
from stormcell.verification.brier import Brier
from stormcell.verification.crps import CRPS
from stormcell.verification.significance import block_bootstrap, fewest_blocks, paired_difference
from tests.verification.cases import NAN, case, rain

DAY = np.timedelta64(24 * 60, "m")


def share(sums):
    """Hits of all, the simplest score that is a ratio of sums."""
    total = sums.sel(statistic="all", drop=True)
    return xr.Dataset({"share": sums.sel(statistic="hits", drop=True) / total.where(total > 0)})


def sums_of(hits, total, *, times=None, methods=None):
    """Sums of (case,) or (method, case) numbers; one case a day if no times are given."""
    hits, total = np.broadcast_arrays(np.asarray(hits, float), np.asarray(total, float))
    times = np.datetime64("2024-06-01T00:10", "ns") + np.arange(hits.shape[-1]) * DAY if times is None else np.asarray(times)
    dims = ("case", "statistic") if methods is None else ("method", "case", "statistic")
    coords = {"case": times, "statistic": ["hits", "all"]} | ({} if methods is None else {"method": methods})
    return xr.DataArray(np.stack([hits, total], axis=-1), dims=dims, coords=coords).transpose("case", ...)


def days(count, *, per_day=3, seed=0, skill=0.5, spread=0.15):
    """Days of so many cases that share their weather, with much rain or little."""
    rng = np.random.default_rng(seed)
    amount = np.repeat(rng.gamma(1.0, size=count), per_day)
    good = np.repeat(np.clip(rng.normal(skill, spread, count), 0, 1), per_day)
    start = np.datetime64("2024-06-01T06:00", "ns")
    times = start + np.repeat(np.arange(count), per_day) * DAY + np.tile(np.arange(per_day), count) * (DAY // 24)
    return sums_of(good * amount, amount, times=times)


def test_bounds_lie_around_the_score_of_the_totals_not_around_the_mean_of_ratios():
    sums = days(12)
    low, estimate, high = block_bootstrap(sums, share)["share"].values
    assert low < estimate < high
    assert estimate == pytest.approx(sums.sel(statistic="hits").sum().item() / sums.sel(statistic="all").sum().item())


def test_same_seed_same_bounds():
    sums = days(8)
    assert block_bootstrap(sums, share).identical(block_bootstrap(sums, share))
    assert not block_bootstrap(sums, share, seed=1).identical(block_bootstrap(sums, share))


def test_days_that_are_all_alike_leave_no_doubt():
    interval = block_bootstrap(sums_of([1.0] * 8, [4.0] * 8), share)["share"]
    np.testing.assert_allclose(interval, 0.25)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_too_few_days_have_no_interval_and_show_nothing(count):
    sums = sums_of([[2.0] * count, [1.0] * count], 4.0, methods=["ours", "theirs"])
    interval = block_bootstrap(sums, share)["share"]
    assert np.isnan(interval.sel(bound=["low", "high"])).all()
    assert interval.sel({"bound": "estimate", "method": "ours"}) == 0.5
    difference = paired_difference(sums, share, "ours", "theirs")
    assert not difference.significant["share"] and difference.interval["share"].sel(bound="estimate") == 0.25


def test_many_cases_of_one_day_are_one_day():
    sums = sums_of([1.0] * 50, [2.0] * 50, times=np.datetime64("2024-06-01T00:00", "ns") + np.arange(50) * (DAY // 60))
    assert np.isnan(block_bootstrap(sums, share)["share"].sel(bound="low"))


def test_how_many_days_a_level_needs():
    assert [fewest_blocks(level) for level in (0.5, 0.9, 0.95, 0.99)] == [2, 5, 6, 8]


def test_longer_blocks_take_neighbouring_days_together():
    daily = days(24, per_day=1)
    alike = sums_of(*(np.repeat(daily.sel(statistic=name).values, 3) for name in ("hits", "all")))  # each day's weather lasts three
    width = {block: np.ptp(block_bootstrap(alike, share, block=block)["share"].values) for block in (1, 3)}
    assert width[3] > 1.3 * width[1]
    assert width[3] == pytest.approx(np.ptp(block_bootstrap(daily, share)["share"].values))
    assert np.isnan(block_bootstrap(daily, share, block=5)["share"].sel(bound="low"))  # 5 blocks


@pytest.mark.parametrize("count", [6, 20])
def test_intervals_cover_the_truth_about_as_often_as_they_say(count):
    intervals = [block_bootstrap(days(count, seed=seed), share, replicates=400)["share"].values for seed in range(200)]
    covered = np.mean([low <= 0.5 <= high for low, _, high in intervals])
    assert 0.9 <= covered <= 0.99


def test_pairing_sees_a_small_difference_through_large_differences_of_days():
    easy = days(15, spread=0.3)
    hits, total = easy.sel(statistic="hits").values, easy.sel(statistic="all").values
    sums = sums_of([hits, 0.97 * hits, hits], total, times=easy["case"].values, methods=["ours", "theirs", "copy"])
    alone = block_bootstrap(sums, share)["share"]
    assert alone.sel({"method": "ours", "bound": "low"}) < alone.sel({"method": "theirs", "bound": "high"})
    worse = paired_difference(sums, share, "theirs", "ours")
    assert worse.significant["share"] and worse.interval["share"].sel(bound="high") < 0
    same = paired_difference(sums, share, "ours", "copy")
    assert not same.significant["share"] and (same.interval["share"] == 0).all()


def test_no_difference_is_seldom_called_one():
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(200):
        hits = rng.binomial(100, 0.5, size=(2, 10)).astype(float)
        found += paired_difference(sums_of(hits, 100.0, methods=["a", "b"]), share, "a", "b", replicates=300).significant["share"].item()
    assert found <= 20


def test_draws_without_any_event_are_left_out_and_too_many_of_them_end_it():
    often, once = [1.0] * 5 + [0.0] * 5, [1.0] + [0.0] * 9
    assert np.isfinite(block_bootstrap(sums_of([0.5] * 5 + [0.0] * 5, often), share)["share"]).all()
    interval = block_bootstrap(sums_of([0.5] + [0.0] * 9, once), share)["share"]
    assert interval.sel(bound="estimate") == 0.5 and np.isnan(interval.sel(bound=["low", "high"])).all()


def test_a_score_without_value_stays_without():
    sums = sums_of([[1.0] * 8, [NAN] * 8], 2.0, methods=["ensemble", "one member"])
    assert np.isnan(block_bootstrap(sums, share)["share"].sel({"method": "one member"})).all()
    assert np.isfinite(block_bootstrap(sums, share)["share"].sel({"method": "ensemble"})).all()
    assert not paired_difference(sums, share, "ensemble", "one member").significant["share"]


@pytest.fixture
def forecasts():
    """(case, method, lead_time, ..., statistic) sums of two ensembles on eight days, by a score."""

    def gathered(score):
        by_case = []
        for day in range(8):
            observed = rain(day, (2, 12, 12))
            close, far = (np.abs(observed + scale * rain(100 + day, (4, 2, 12, 12)) - scale) for scale in (1.0, 3.0))
            by_case.append(xr.concat([score.sums(*case(said, observed)) for said in (close, far)], "method"))
        times = np.datetime64("2024-06-01T00:00", "ns") + np.arange(8) * DAY
        return xr.concat(by_case, "case").assign_coords(case=times, method=["close", "far"])

    return gathered


@pytest.mark.parametrize("score", [CRPS(), Brier((1.0, 2.0))], ids=["crps", "brier"])
def test_works_on_the_sums_of_real_scores_however_little_fits_in_memory(score, forecasts, monkeypatch):
    sums = forecasts(score)
    whole = block_bootstrap(sums, score.value, replicates=50)
    assert whole.sizes["bound"] == 3 and whole.sizes["lead_time"] == 2 and whole.sizes["method"] == 2
    assert whole.sel(bound="estimate", drop=True).equals(score.value(sums.sum("case", skipna=False)))
    monkeypatch.setattr("stormcell.verification.significance._AT_ONCE", 1)
    xr.testing.assert_allclose(block_bootstrap(sums, score.value, replicates=50), whole)
    name = "crps" if "crps" in whole else "brier"
    assert paired_difference(sums, score.value, "close", "far", replicates=50).significant[name].all()


def test_refusals():
    sums = days(8)
    with pytest.raises(FramesError, match="issue times"):
        block_bootstrap(sums.drop_vars("case"), share)
    with pytest.raises(FramesError, match="issue times"):
        block_bootstrap(sums.isel(case=slice(0, 0)), share)
    with pytest.raises(FramesError, match="blocks of 1 day or more"):
        block_bootstrap(sums, share, block=0)
    with pytest.raises(FramesError, match="level between 0 and 1"):
        block_bootstrap(sums, share, level=95)
    with pytest.raises(FramesError, match="holds 'ours'"):
        paired_difference(sums, share, "ours", "theirs")
