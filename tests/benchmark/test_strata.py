"""Scores of kinds of weather: told from what was known, and the same sums as the whole."""

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stormcell.benchmark.results import Results
from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from stormcell.benchmark.strata import STRATA, regime, season
from stormcell.errors import StormcellError
from stormcell.verification import SCORES
from tests.benchmark.hindcasts import Scaled, write_event

NAN = float("nan")
METHODS = {"scaled": Scaled(1.2, unknown_columns=5), "same": Scaled()}


@pytest.fixture(scope="module")
def year(tmp_path_factory) -> Results:
    """Three events in two seasons, on two grids."""
    folder = tmp_path_factory.mktemp("year")
    events = [
        write_event(folder / "summer", steps=13, seed=1, start="2024-08-31T12:00"),
        write_event(folder / "more", steps=9, seed=2, start="2024-07-02T06:00", shape=(30, 26)),
        write_event(folder / "winter", steps=9, seed=3, start="2024-12-01T06:00"),
    ]
    settings = Settings(METHODS, ["contingency", "continuous", "spectrum"], lead="10min", every="10min")
    return verify(events, tmp_path_factory.mktemp("out"), settings, by=["season", "regime"])


@pytest.mark.parametrize("name", STRATA)
def test_it_has_its_line_of_docs(name):
    assert f"`{name}`" in (Path(__file__).parents[2] / "docs" / "verification.md").read_text()


def test_seasons_are_three_months_each():
    cases = pd.DataFrame({"issue_time": pd.date_range("2023-12-31T23:55", periods=12, freq="MS")}, index=range(5, 17))
    labels = season(cases)
    assert labels.tolist() == ["DJF"] * 2 + ["MAM"] * 3 + ["JJA"] * 3 + ["SON"] * 3 + ["DJF"] and labels.index.tolist() == list(
        range(5, 17)
    )


@pytest.mark.parametrize(
    ("share", "mean", "label"),
    [
        (0.0, 0.0, "dry"),
        (0.0099, 5.0, "dry"),
        (0.01, 0.0199, "scattered light"),
        (0.0625, 0.125, "scattered heavy"),
        (0.0999, 0.1, "scattered light"),
        (0.1, 0.1, "widespread light"),
        (0.5, 1.0, "widespread heavy"),
        (1.0, 1.99, "widespread light"),
        (NAN, NAN, None),
    ],
)
def test_regimes_by_hand(share, mean, label):
    got = regime(pd.DataFrame({"past_wet_share": [share], "past_mean": [mean]}))
    assert got.isna().item() if label is None else got.item() == label


def test_what_came_plays_no_part():
    """Cases chosen by what came would favour whoever cries wolf."""
    cases = pd.DataFrame({"past_wet_share": [0.2], "past_mean": [0.1]})
    assert regime(cases.assign(observed_mean=50.0, observed_wet_share=1.0)).item() == regime(cases).item()


@pytest.mark.parametrize("by", ["event", *STRATA])
def test_parts_add_up_to_the_whole(year, by):
    parts = [year.daily("contingency", where=where) for where in year.strata(by).values()]
    whole = year.daily("contingency")
    assert len(parts) > 1 and sum(part.cases for part in parts) == whole.cases == 11
    np.testing.assert_array_equal(sum(part.sums.sum("case") for part in parts), whole.sums.sum("case"))


def test_the_table_has_the_scores_of_the_cases_of_each_season(year):
    table = year.table("season")
    assert list(table.columns) == ["season", "method", "family", "score", "lead_time_min", "threshold", "value", "cases", "days"]
    assert list(dict.fromkeys(table["season"])) == ["DJF", "JJA"]
    families = table.groupby("season")["family"].agg(set).to_dict()
    assert families["JJA"] == {"contingency", "continuous"}, "spectra of two grids"
    assert families["DJF"] == {"contingency", "continuous", "spectrum"}
    sums = year.common("contingency").sums
    months = sums["case"].dt.month.values
    for label, chosen, cases, days in (("DJF", months == 12, 3, 1), ("JJA", months != 12, 8, 2)):
        csi = SCORES["contingency"]().value(sums.isel(case=np.flatnonzero(chosen)).sum("case"))["csi"]
        rows = table[(table["season"] == label) & (table["score"] == "csi")]
        assert set(rows["cases"]) == {cases} and set(rows["days"]) == {days}
        for row in rows.itertuples():
            at = {"method": row.method, "lead_time": np.timedelta64(int(row.lead_time_min), "m"), "threshold": row.threshold}
            assert row.value == pytest.approx(float(csi.sel(at)), nan_ok=True)
    written = pd.read_csv(year.folder / "scores_by_season.csv")
    pd.testing.assert_frame_equal(written, table, check_dtype=False)
    assert (year.folder / "scores_by_regime.csv").exists()


def test_scores_that_cannot_be_added_up_are_there_where_they_can(year):
    assert set(year.table("event").query("family == 'spectrum'")["event"]) == {"more", "summer", "winter"}
    winter = year.strata("season")["DJF"]
    assert set(year.table("season").query("family == 'spectrum'")["season"]) == {"DJF"}
    np.testing.assert_allclose(
        year.values("spectrum", where=winter)["log_spectral_distance"], year.values("spectrum", "winter")["log_spectral_distance"]
    )
    with pytest.raises(StormcellError, match="ask for one event"):
        year.daily("spectrum")


def test_days_are_added_up_and_failed_cases_left_out(year):
    daily = year.daily("continuous", "summer")
    assert daily.sums["case"].values.astype("datetime64[D]").astype(str).tolist() == ["2024-08-31"] and daily.cases == 5
    np.testing.assert_allclose(daily.sums[0], year.common("continuous", "summer").sums.sum("case"), rtol=1e-12)
    nothing = year.daily("continuous", "summer", where=year.cases["past_wet_share"] > 2)
    assert (
        nothing.cases == 0
        and nothing.sums.sizes["case"] == 0
        and np.isnan(year.family("continuous").value(nothing.sums.sum("case"))["mae"]).all()
    )


def test_an_unknown_kind_is_told_before_the_work_begins(year, tmp_path):
    with pytest.raises(StormcellError, match="unknown kind 'moon' of cases: expected one of event, season, regime"):
        year.table("moon")
    with pytest.raises(StormcellError, match="unknown kind of weather 'moon': expected season, regime"):
        verify("nowhere", tmp_path, Settings(["persistence"]), by=["moon"])


def test_memory_for_tables_does_not_grow_with_the_number_of_cases(tmp_path):
    peaks = {}
    for steps in (40, 80):  # 37 and 77 cases: more than are added up at once in both
        folder = write_event(tmp_path / str(steps), steps=steps)
        settings = Settings(METHODS, ["brier"], lead="10min", every="5min")
        results = verify(folder, tmp_path / f"out{steps}", settings, fresh=True)
        results.table()  # what is built once is built by now
        tracemalloc.start()
        results.table()
        peaks[steps] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    of_a_case = results.sums("brier")[0].nbytes
    assert peaks[80] < peaks[40] + 5 * of_a_case, {steps: peak / of_a_case for steps, peak in peaks.items()}
