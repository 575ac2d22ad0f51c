"""The report of a hindcast: what is drawn is what was scored, what was not scored is not there, and the page stands alone."""

import re
import shutil
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from stormcell.benchmark.cases import plan_event
from stormcell.benchmark.results import Results
from stormcell.benchmark.run import verify
from stormcell.benchmark.series import open_series
from stormcell.benchmark.settings import Settings
from stormcell.benchmark.verification_report import case_maps, write_report
from stormcell.benchmark.verification_report.comparison import marked
from stormcell.benchmark.verification_report.document import Cell, Document, Figure, KeyEntry, Panel, Section, Table
from stormcell.benchmark.verification_report.drawing import drawn
from stormcell.benchmark.verification_report.markdown import markdown
from stormcell.benchmark.verification_report.page import page
from stormcell.benchmark.verification_report.score_words import NOT_DRAWN, WORDS
from stormcell.benchmark.verification_report.styles import styles_of
from stormcell.errors import StormcellError
from stormcell.frames import make_forecast
from stormcell.methods import Persistence
from stormcell.verification import SCORES
from tests.benchmark.hindcasts import Noted, Scaled, write_event
from tests.cli.process import stormcell
from tests.products.test_page import browser as browser

NAN = float("nan")
HOSTILE = '<script>alert(1)</script> & "quotes" | *stars*'
DAYS = 6


@dataclass(frozen=True)
class Spread:
    """The last frame times random factors."""

    past_steps: int = 2

    def __call__(self, past: xr.DataArray, lead_times: np.ndarray, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        factors = np.random.default_rng(seed).lognormal(0, 0.5, (members, len(lead_times), 1, 1)).astype(np.float32)
        return make_forecast(factors * past.values[-1], past, lead_times, method="spread")


@dataclass(frozen=True)
class Angry:
    """Fails with a message that no page should swallow."""

    past_steps: int = 2

    def __call__(self, past, lead_times, *, members=1, seed=None):
        if str(past["time"].values[-1]).endswith("12:05:00.000000000"):
            raise ValueError(HOSTILE)
        return Scaled(1.5)(past, lead_times)


METHODS = {"persistence": Persistence(), "too-wet": Scaled(1.6, unknown_columns=4), "spread": Spread()}
EVERYTHING = Settings(METHODS, list(SCORES), lead="15min", every="10min", members=5)


@pytest.fixture(scope="module")
def days(tmp_path_factory) -> list[Path]:
    """An event a day, long enough for four cases each."""
    folder = tmp_path_factory.mktemp("days")
    return [write_event(folder / f"day{day}", steps=11, seed=day, start=f"2024-07-{day + 1:02d}T12:00") for day in range(DAYS)]


@pytest.fixture(scope="module")
def whole(days, tmp_path_factory) -> Results:
    """All scores on a week, with the report."""
    return verify(days, tmp_path_factory.mktemp("whole"), EVERYTHING, report=True)


@pytest.fixture(scope="module")
def one_day(days, tmp_path_factory) -> Results:
    """Two scores on one day."""
    return verify(days[:1], tmp_path_factory.mktemp("one"), replace(EVERYTHING, scores=["contingency", "crps"], members=1), report=True)


class Reader(HTMLParser):
    """Checks that tags nest, and keeps what a test asks about."""

    void = {"meta", "link", "image", "path", "rect", "use", "br", "img"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.void:
            assert self.open.pop() == tag

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def html(results: Results) -> str:
    return (results.folder / "report.html").read_text()


def numbers(results: Results, name: str) -> pd.DataFrame:
    """What a figure was drawn from, to the last digit: pandas alone reads some numbers an ulp off, or warns of being told not to."""
    file = results.folder / "figures" / f"{name}.csv"
    table = pd.read_csv(file)
    floats = table.select_dtypes("float").columns
    table[floats] = pd.read_csv(file, dtype=str)[floats].map(float)
    return table


def test_the_page_stands_alone(whole):
    text = html(whole)
    reader = Reader(text)
    tags = {tag for tag, _ in reader.tags}
    assert "script" not in tags and "img" not in tags and "iframe" not in tags
    loaded = [value for _, attrs in reader.tags for name, value in attrs.items() if name in ("src", "href", "xlink:href")]
    assert all(value.startswith(("#", "data:", "figures/")) for value in loaded), loaded
    assert not re.search(r"url\((?!#)|@import|https?:", text)
    linked = {value for value in loaded if value.startswith("figures/")}
    assert linked == {f"figures/{path.name}" for path in (whole.folder / "figures").iterdir()}
    assert len(text) < 3e6


def test_it_can_be_read_without_eyes(whole):
    reader = Reader(html(whole))
    pictures = reader.attributes("svg")
    assert all(one.get("aria-hidden") == "true" or (one["role"] == "img" and len(one["aria-label"]) > 20) for one in pictures)
    assert len(reader.attributes("caption")) == len(reader.attributes("table")) > 10
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    used = re.findall(r'(?:url\(|href=")#([^)"]+)', html(whole))
    assert set(used) <= set(ids)
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def test_every_section_is_there(whole):
    titles = re.findall(r"<h2[^>]*>([^<]*)</h2>", html(whole))
    assert titles == [
        "What was compared",
        "Critical success index",
        "Other scores",
        "Seasons and regimes",
        "Scores by lead time",
        "Lead time until skill is lost",
        "Caught rain and false alarms",
        "Size of area",
        "Detail by size",
        "Probabilities of rain",
        "Warnings from probabilities",
        "Spread of the ensemble",
        "Maps of single cases",
    ]
    assert re.findall(r"^## (.*)$", (whole.folder / "report.md").read_text(), re.MULTILINE) == titles


def test_curves_are_the_scores_of_the_run(whole):
    table = whole.table().query("event == 'all events'")
    for name in ("csi", "hss", "bias", "brier_skill", "roc_area"):
        family = "brier" if name in ("brier_skill", "roc_area") else "contingency"
        ours = numbers(whole, f"{family}_{name}_by_lead_time").set_index(["method", "lead_time_min", "threshold"])
        expected = table[(table["score"] == name) & (table["family"] == family)].set_index(["method", "lead_time_min", "threshold"])[
            "value"
        ]
        pd.testing.assert_series_equal(ours["value"].reindex(expected.index), expected, check_exact=False, rtol=1e-12)
        inside = ours.dropna()
        assert len(inside) and (inside["low"] <= inside["high"]).all() and set(ours["days"]) == {DAYS}
    together = numbers(whole, "scores_by_lead_time").set_index(["family", "score", "method", "lead_time_min"])
    assert {("continuous", "mae"), ("crps", "fair_crps"), ("spread", "ratio")} <= {key[:2] for key in together.index}
    assert ("spread", "rmse") not in {key[:2] for key in together.index}, "the error of the mean is among the errors already"
    expected = table[table["score"] == "mae"].set_index(["family", "score", "method", "lead_time_min"])["value"]
    pd.testing.assert_series_equal(together["value"].reindex(expected.index), expected, check_exact=False, rtol=1e-12)


def test_a_score_of_two_families_is_told_apart(whole):
    titles = re.findall(r"<h3>([^<]*)</h3>", html(whole))
    assert "<h4>Root mean square error</h4>" in html(whole), "the one that is not drawn does not count"
    assert {"Critical success index (contingency) by lead time", "Critical success index (hko-7) by lead time"} <= set(titles)
    assert "Frequency bias by lead time" in titles and len(set(titles)) == len(titles)
    captions = re.findall(r"<caption><span>([^<]*)</span>", html(whole))
    assert "CSI (hko-7) after 15 min, all events, 24 cases on 6 days" in captions


def test_diagrams_are_the_scores_of_the_run(whole):
    values = whole.values("contingency")
    for row in numbers(whole, "contingency_performance").itertuples():
        at = {"method": row.method, "threshold": row.threshold, "lead_time": np.timedelta64(int(row.lead_time_min), "m")}
        np.testing.assert_allclose([row.pod, row.success_ratio], [values["pod"].sel(at), 1 - values["far"].sel(at)], rtol=1e-12)
    bins = numbers(whole, "reliability")
    assert set(bins["method"]) == {"spread"}, "single forecasts have no probabilities to speak of"
    last = bins.query("lead_time_min == 15 and threshold == 0.5")
    assert last["forecast_probability"].tolist() == [0, 0.2, 0.4, 0.6, 0.8, 1] and last["share"].sum() == pytest.approx(1)
    sums = whole.common("brier").sums.sel({"statistic": "pixels", "threshold": 0.5, "method": "spread"}).isel(lead_time=-1)
    assert last["pixels"].sum() == float(sums.sum())
    roc = numbers(whole, "roc").query("method == 'persistence' and lead_time_min == 15 and threshold == 0.5")
    expected = values["pod"].sel({"method": "persistence", "threshold": 0.5}).isel(lead_time=-1)
    assert roc["hit_rate"].iloc[-1] == pytest.approx(float(expected))
    ranks = numbers(whole, "rank_histogram").groupby("lead_time_min")["frequency"]
    assert (ranks.size() == 6).all() and ranks.sum().values == pytest.approx(1)
    assert len(numbers(whole, "fss")) == whole.values("fss")["fss"].size
    spectra = whole.values("spectrum").isel(lead_time=[1, 2])["forecast_power"]
    drawn = numbers(whole, "power_spectra")["forecast_power"]
    np.testing.assert_array_max_ulp(np.sort(drawn), np.sort(spectra.values.ravel()), maxulp=1)


def test_the_table_marks_the_best_and_what_may_be_chance(whole):
    rows = numbers(whole, "contingency_csi_table_15min")
    text = html(whole)[html(whole).index("<caption><span>CSI (contingency) after 15 min") :]
    text = text[: text.index("</table>")]
    for threshold, column in rows.groupby("threshold"):
        best = column.loc[column["csi"].idxmax()]
        assert (column["best_method"] == best["method"]).all() and np.isnan(best["difference"])
        others = column[column["method"] != best["method"]]
        np.testing.assert_allclose(others["difference"], others["csi"] - best["csi"])
        excludes = (others["low"] > 0) | (others["high"] < 0)
        assert (others["significant"].astype(bool) == excludes).all()
        assert f"<b>{best['csi']:.3f}</b>" in text and f"**{best['csi']:.3f}**" in (whole.folder / "report.md").read_text()
        for row, alike in zip(others.itertuples(), ~excludes, strict=True):
            assert (f'<td class="number">{row.csi:.3f} ≈</td>' in text) == alike, threshold
    assert "may be chance" in html(whole)


def test_the_other_scores_are_marked_too(whole):
    """By how near they are to the best value there could be, whichever side they lie on."""
    rows = numbers(whole, "score_table_15min")
    assert {"mae", "bias", "fair_crps", "brier_skill", "log_spectral_distance", "ssim"} <= set(rows["score"]) and "csi" not in set(
        rows["score"]
    )
    table = whole.table().query("event == 'all events' and lead_time_min == 15 and score == 'mae'").set_index("method")["value"]
    merits = {
        "mae": lambda value: -value,
        "me": lambda value: -abs(value),
        "bias": lambda value: -abs(value - 1),
        "pearson": lambda value: value - 1,
    }
    for name, merit in merits.items():
        for _, part in rows[rows["score"] == name].groupby("threshold", dropna=False):
            merit_of = merit(part.set_index("method")["value"])
            assert set(part["best_method"]) == {merit_of.idxmax()}
            others = part[part["method"] != merit_of.idxmax()]
            np.testing.assert_allclose(others["difference"], merit_of[others["method"]] - merit_of.max(), rtol=1e-9)
            assert (others["significant"].astype(bool) == ((others["low"] > 0) | (others["high"] < 0))).all()
    mae = rows[rows["score"] == "mae"].set_index("method")
    assert mae["value"].to_dict() == pytest.approx(table.to_dict())
    text = html(whole)[html(whole).index("<caption><span>Scores after 15 min") :]
    best = mae["best_method"].iloc[0]
    assert f"<b>{mae['value'][best]:.3f}</b>" in text[(start := text.index("Mean absolute error [mm/h]")) : text.index("</tr>", start)]
    single = rows[rows["score"] == "fair_crps"]
    assert single["value"].notna().sum() == 1 and single["best_method"].isna().all(), "a single one is not the best of anything"
    assert "departure" not in set(rows["score"])
    curves = numbers(whole, "scores_by_lead_time").query("score == 'departure'").set_index("method")["value"]
    assert curves["spread"].notna().all() and curves["persistence"].isna().all(), "one member has no histogram to speak of"


def row_of(**changes):
    return {"value": 0.4, "method": "a", "best_method": "b", "difference": -0.1, "significant": False} | changes


@pytest.mark.parametrize(
    ("changes", "cell"),
    [
        ({}, Cell("0.400 ≈")),
        ({"significant": True}, Cell("0.400")),
        ({"significant": None}, Cell("0.400")),
        ({"best_method": "a", "difference": NAN}, Cell("0.400", best=True)),
        ({"difference": 0.0}, Cell("0.400", best=True)),
        ({"best_method": None, "difference": NAN}, Cell("0.400")),
        ({"value": NAN, "difference": NAN}, Cell("-")),
        ({"value": -1234.5}, Cell("-1234 ≈")),
    ],
)
def test_cells_by_hand(changes, cell):
    assert marked(row_of(**changes)) == cell


def test_regimes_stand_side_by_side(whole):
    rows = numbers(whole, "contingency_csi_by_regime")
    labels = list(dict.fromkeys(rows["regime"]))
    assert len(labels) > 1 and labels == list(whole.strata("regime"))
    assert rows.groupby("regime")["cases"].first().sum() == whole.cases["common"].sum()
    expected = whole.table("regime").query("family == 'contingency' and score == 'csi' and lead_time_min == 15")
    np.testing.assert_array_equal(
        rows["csi"],
        expected.set_index(["regime", "method", "threshold"])["value"].reindex(
            pd.MultiIndex.from_frame(rows[["regime", "method", "threshold"]])
        ),
    )
    assert "CSI (contingency) at the last lead time, by regime" in html(whole) and "by season" not in html(whole)


def test_a_day_has_no_bands_and_no_significance(one_day):
    text = html(one_day)
    assert "No confidence bands: the cases lie on 1 day" in text and "it cannot be told which differences are more than chance" in text
    assert "≈" not in text and "may be chance" not in text
    curves = numbers(one_day, "contingency_csi_by_lead_time")
    assert curves[["low", "high"]].isna().all(axis=None) and curves["value"].notna().any()
    assert numbers(one_day, "contingency_csi_table_15min_day0")["significant"].isna().all()


def test_what_was_not_scored_is_left_out_and_said(one_day):
    text = html(one_day)
    missing = text[text.index("Not in this report</h2>") :]
    for what, score in (("Fractions skill score", "fss"), ("Power spectra", "spectrum"), ("Rank histogram", "rank-histogram")):
        assert re.search(rf"<p>{what}: ask for .*--scores {score}\.</p>", missing)
    assert "Reliability diagram: ask for --members 20" in missing and "ROC curve: ask for --members 20" in missing
    names = {path.stem for path in (one_day.folder / "figures").iterdir()}
    assert not {"fss", "power_spectra", "reliability", "roc", "rank_histogram"} & names and "contingency_performance_day0" not in names
    assert "contingency_performance" in names and "contingency_csi_by_event" not in names


def test_scores_of_the_run_itself(days, tmp_path):
    from stormcell.verification import Contingency

    @dataclass(frozen=True)
    class Wetness:
        """A score that no table of words knows."""

        def sums(self, forecast, observed, valid):
            return Contingency((0.5,)).sums(forecast, observed, valid).isel(threshold=0, drop=True)

        def value(self, sums):
            return xr.Dataset({"wetness": sums.sel(statistic="hits", drop=True)})

    scores = {"mine": Wetness(), "rare": Contingency((500.0,))}
    results = verify(days[:1], tmp_path, replace(EVERYTHING, scores=scores), report=True)
    assert "The score wetness of the run&#x27;s own family mine." in html(results)
    assert numbers(results, "scores_by_lead_time")["value"].notna().all()
    assert "rare_csi_by_lead_time" not in {path.stem for path in (tmp_path / "figures").iterdir()}, "it never rained so hard"
    with pytest.raises(StormcellError, match="score 'mine' is not one of this package's: open the results with scores="):
        write_report(Results(tmp_path), tmp_path)


def test_the_same_results_give_the_same_bytes(whole, days, tmp_path):
    import matplotlib

    matplotlib.rcParams["lines.linewidth"] = 7.0  # a user's own style plays no part
    try:
        series = open_series(days)
        events = [plan_event(one, past=2, lead="15min", lead_every=None, every="10min") for one in series]
        maps = case_maps(whole, events, EVERYTHING.task())
        written = write_report(Results(whole.folder), tmp_path, maps=maps)
    finally:
        matplotlib.rcdefaults()
    assert written[:2] == [tmp_path / "report.html", tmp_path / "report.md"] and len(written) > 20
    for path in written:
        assert path.read_bytes() == (whole.folder / path.relative_to(tmp_path)).read_bytes(), path


def test_maps_show_the_forecasts_that_were_scored(whole, days):
    events = [plan_event(one, past=2, lead="15min", lead_every=None, every="10min") for one in open_series(days)]
    maps = case_maps(whole, events, EVERYTHING.task())
    assert len(maps) == 4 and [one.event for one in maps] == sorted(one.event for one in maps)
    wettest = whole.cases.loc[whole.cases["observed_mean"].idxmax()]
    shown = next(one for one in maps if one.event == wettest["event"])
    assert shown.issue_time == wettest["issue_time"].to_datetime64() and shown.members == {"persistence": 1, "too-wet": 1, "spread": 5}
    assert shown.observed.shape == (2, 24, 32) and np.isnan(shown.forecasts["too-wet"][:, :, :4]).all()
    counts = whole.common("contingency").sums.sel({"threshold": 0.5, "method": "spread"})
    of_case = counts.isel(case=np.flatnonzero(whole.cases["issue_time"] == wettest["issue_time"])[0])
    valid = np.isfinite(shown.observed) & np.all([np.isfinite(field) for field in shown.forecasts.values()], axis=0)
    hits = ((shown.forecasts["spread"] >= 0.5) & (shown.observed >= 0.5) & valid).sum(axis=(1, 2))
    np.testing.assert_array_equal(hits, of_case.sel(statistic="hits").values[[1, 2]])
    text = html(whole)
    assert text.count("data:image/png;base64,") == 4 * 2 * 4 and "spread, +15 min (mean of 5)" in text


def test_a_large_grid_is_averaged_for_its_map(tmp_path):
    folder = write_event(tmp_path / "large", steps=4, shape=(370, 300))
    settings = Settings({"persistence": Persistence()}, ["contingency"], lead="5min", every="10min")
    results = verify([folder], tmp_path / "out", settings)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["scores.csv", "sums.zarr"], "no report unless asked for"
    events = [plan_event(one, past=2, lead="5min", lead_every=None, every="10min") for one in open_series([folder])]
    (one,) = case_maps(results, events, settings.task())
    assert one.observed.shape == (1, 185, 150) == (1, *one.grid.shape)


def test_hostile_text_is_shown_as_text(days, tmp_path):
    settings = replace(EVERYTHING, methods={"persistence": Persistence(), "angry": Angry()}, scores=["contingency"], members=1)
    results = verify(days[:1], tmp_path, settings, report=True)
    text = html(results)
    assert "<script" not in text and "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot;" in text
    assert r"\<script\>alert(1)\</script\> \& " in (tmp_path / "report.md").read_text()
    assert numbers(results, "failures")["message"].str.contains("<script>", regex=False).all()
    Reader(text)
    panel = Panel(HOSTILE, '<svg viewBox="0 0 1 1"></svg>', HOSTILE, HOSTILE)
    figure = Figure("figure", HOSTILE, HOSTILE, [panel], pd.DataFrame(), [KeyEntry(panel.picture, HOSTILE)])
    table = Table(HOSTILE, [HOSTILE], [[HOSTILE], [Cell(HOSTILE, best=True)]])
    made = page(Document(HOSTILE, [Section(HOSTILE, [HOSTILE], [figure, table])]))
    assert "<script" not in made and made.count("&lt;script&gt;") >= 14
    Reader(made)
    said = markdown(Document(HOSTILE, [Section(HOSTILE, [HOSTILE], [table])]))
    assert not re.search(r"(?<!\\)<script", said) and "\\|" in said


def test_nothing_in_common_makes_a_short_report(days, tmp_path):
    @dataclass(frozen=True)
    class Never:
        past_steps: int = 2

        def __call__(self, past, lead_times, *, members=1, seed=None):
            raise ValueError("never")

    settings = replace(EVERYTHING, methods={"persistence": Persistence(), "never": Never()}, scores=["contingency"], members=1)
    results = verify(days[:1], tmp_path, settings, report=True)
    text = html(results)
    assert "there is nothing to compare" in text and "never" in text and "Critical success index" not in text
    Reader(text)


def test_events_on_other_grids_have_spectra_of_their_own(days, tmp_path):
    other = write_event(tmp_path / "other", steps=9, shape=(30, 26), seed=9, start="2024-08-02T06:00")
    results = verify([days[0], other], tmp_path / "out", replace(EVERYTHING, scores=["spectrum"], members=1), report=True)
    assert set(numbers(results, "power_spectra")["event"]) == {"day0", "other"}
    assert "Grids differ" in html(results) and "other, 15 min" in html(results)


def test_a_stopped_run_can_be_reported(days, tmp_path):
    settings = replace(EVERYTHING, methods={"persistence": Persistence(), "noted": Noted(str(tmp_path / "log"))}, scores=["contingency"])
    results = verify(days[:1], tmp_path / "out", replace(settings, members=1))
    (tmp_path / "out" / "sums.zarr" / "day0" / "cases" / "status" / "c" / "1" / "0").unlink()
    write_report(Results(results.folder), tmp_path / "half")
    text = (tmp_path / "half" / "report.html").read_text()
    assert "2 methods on 3 common cases of 3 finished (4 in the plan)" in text and "Maps: made by" in text


def test_numbers_of_an_earlier_report_do_not_stay(whole, one_day, tmp_path):
    shutil.copytree(whole.folder, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.zarr"))
    (tmp_path / "figures" / "notes.csv").write_text("not ours")
    written = write_report(one_day, tmp_path)
    assert set((tmp_path / "figures").iterdir()) == {*written[2:], tmp_path / "figures" / "notes.csv"}


def test_methods_differ_in_more_than_colour():
    styles = styles_of([f"method{number}" for number in range(210)])
    assert len({(one.colour, one.marker, str(one.line)) for one in styles.values()}) == 210
    first = list(styles.values())[:5]
    assert all(len({str(one[place]) for one in first}) == 5 for place in range(3))


def test_every_score_has_words_or_a_reason(whole):
    plain = {
        str(name)
        for family in whole.scores
        for name, values in whole.values(family).data_vars.items()
        if "lead_time" in values.dims and set(values.dims) <= {"method", "lead_time", "threshold"}
    }
    assert plain <= set(WORDS) | NOT_DRAWN


def test_text_in_plots_stays_text():
    svg = drawn(lambda figure: figure.add_subplot().set(xlabel="lead $time$ [min] & more", xlim=(0, 1000)))
    assert "lead $time$ [min] &amp; more</text>" in svg and "font-family" not in svg and "<metadata" not in svg and "<style" not in svg


def test_in_a_browser_nothing_sticks_out(whole, browser):
    for width in (1200, 390):
        tab = browser.new_page(viewport={"width": width, "height": 900})
        faults: list[str] = []
        tab.on("pageerror", lambda error: faults.append(str(error)))  # noqa: B023
        tab.on("console", lambda message: faults.append(message.text))  # noqa: B023
        tab.on("request", lambda request: faults.append(request.url) if not request.url.startswith(("file:", "data:")) else None)  # noqa: B023
        tab.goto((whole.folder / "report.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width and faults == []
        overlaps = tab.evaluate("""[...document.querySelectorAll('.panel > svg')].filter(svg => {
            const boxes = [...svg.querySelectorAll('text')].map(text => text.getBoundingClientRect());
            return boxes.some((a, i) => boxes.some((b, j) => i < j && a.right - b.left > 1 && b.right - a.left > 1
                && a.bottom - b.top > 1.5 && b.bottom - a.top > 1.5));
        }).map(svg => svg.getAttribute('aria-label'))""")
        assert overlaps == []
        outside = tab.evaluate("""[...document.querySelectorAll('.panel > svg')].filter(svg => {
            const frame = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].some(text => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1;
            });
        }).map(svg => svg.getAttribute('aria-label'))""")
        assert outside == []
        tab.close()


def test_the_command_writes_it_unless_told_not_to(days, tmp_path):
    words = ("verify", days[0], "--lead", "5min", "--every", "30min", "-o")
    done = stormcell(*words, tmp_path / "with")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert all(f"wrote     {tmp_path / 'with' / name}, " in done.stdout for name in ("scores.csv", "report.html", "report.md"))
    assert "Maps of single cases" in (tmp_path / "with" / "report.html").read_text()
    done = stormcell(*words, tmp_path / "without", "--no-report")
    assert done.returncode == 0 and "report" not in done.stdout
    assert sorted(path.name for path in (tmp_path / "without").iterdir()) == ["scores.csv", "sums.zarr"]
