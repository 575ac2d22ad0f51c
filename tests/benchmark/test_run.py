"""Hindcasts: nothing lost, nothing twice, whatever happens on the way."""

import json
import os
import signal
import subprocess
import time
import tracemalloc
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from stormcell.benchmark import store as store_module
from stormcell.benchmark.results import Results
from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from stormcell.benchmark.store import Store
from stormcell.data.read import read
from stormcell.errors import MethodError, MissingExtraError, ReadError, StormcellError
from stormcell.frames import make_forecast
from stormcell.methods import Advection, Learned, Persistence
from stormcell.methods.calibration import Calibration, RainRateMaps
from stormcell.methods.calibration_file import write_calibration
from stormcell.verification.rain_rates import RATES
from stormcell.verification.score import common_mask
from tests.benchmark.hindcasts import SCORES, Noted, Scaled, issue_of, write_event
from tests.methods.tiny_models import save_tiny
from tests.strict import PYTHON

METHODS = {"scaled": Scaled(1.2, unknown_columns=5), "persistence": Persistence()}
SETTINGS = Settings(METHODS, SCORES, lead="10min", every="10min")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def events(tmp_path_factory) -> list[Path]:
    """Two events on different grids: 13 and 9 scans, so 5 and 3 cases."""
    folder = tmp_path_factory.mktemp("events")
    later = write_event(folder / "b_later", steps=9, shape=(30, 26), seed=2, start="2024-08-02T06:00")
    return [later, write_event(folder / "a_first", steps=13)]


@pytest.fixture(scope="module")
def whole(events, tmp_path_factory) -> Results:
    """An undisturbed run."""
    return verify(events, tmp_path_factory.mktemp("whole"), SETTINGS)


def assert_same(one: Results, other: Results) -> None:
    for score in one.scores:
        for event in one.events:
            xr.testing.assert_identical(one.sums(score, event), other.sums(score, event))
    pd.testing.assert_frame_equal(one.cases, other.cases)
    pd.testing.assert_frame_equal(one.failures, other.failures)
    pd.testing.assert_frame_equal(one.table(), other.table())


def test_cases_come_by_event_and_time(whole):
    assert whole.events == ["a_first", "b_later"] and whole.methods == ["scaled", "persistence"] and whole.scores == ["rain"]
    stamps = [f"{event} {time:%H:%M}" for event, time in zip(whole.cases["event"], whole.cases["issue_time"], strict=True)]
    assert stamps == [f"a_first 12:{minute:02d}" for minute in (5, 15, 25, 35, 45)] + [f"b_later 06:{minute:02d}" for minute in (5, 15, 25)]
    assert whole.cases["finished"].all() and whole.cases["common"].all() and whole.failures.empty and whole.incomplete == 0
    assert whole.members == {"scaled": [1], "persistence": [1]}


def test_sums_are_what_a_plain_loop_gives(whole, events):
    for event, folder in zip(("b_later", "a_first"), events, strict=True):
        frames = read(folder)
        for number, start in enumerate(range(0, frames.sizes["time"] - 3, 2)):
            past, observed = frames[start : start + 2], frames[start + 2 : start + 4].rename(time="lead_time")
            leads = observed["lead_time"].values - past["time"].values[-1]
            forecasts = {name: method(past, leads) for name, method in METHODS.items()}
            valid = common_mask(observed, forecasts.values())
            for name, forecast in forecasts.items():
                expected = SCORES["rain"].sums(forecast, observed.assign_coords(lead_time=leads), valid)
                ours = whole.sums("rain", event).sel({"method": name}).isel(case=number)
                np.testing.assert_array_equal(ours, expected)
                assert ours.dims == expected.dims and all((ours[dim].values == expected[dim].values).all() for dim in ours.dims)
            row = whole.cases[whole.cases["event"] == event].iloc[number]
            assert row["past_wet_share"] == pytest.approx(float((past[-1] >= 0.1).sum() / past[-1].notnull().sum()))
            assert row["past_max"] == pytest.approx(float(past[-1].max()))
            assert row["observed_mean"] == pytest.approx(float(observed.mean()), rel=1e-5)
            assert row["valid_share"] == pytest.approx(float(valid.mean()))


def test_events_are_pooled_where_they_can_be(whole):
    sums, common, finished = whole.common("rain")
    assert sums.dims == ("case", "method", "lead_time", "threshold", "statistic") and (common, finished) == (8, 8)
    assert sums["event"].values.tolist() == ["a_first"] * 5 + ["b_later"] * 3
    assert np.issubdtype(sums["case"].dtype, np.datetime64)
    expected = SCORES["rain"].value(sums.sum("case"))["csi"]
    table = whole.table()
    assert list(table.columns) == ["event", "method", "family", "score", "lead_time_min", "threshold", "value", "cases", "days"]
    row = table.query("event == 'all events' and method == 'scaled' and score == 'csi' and lead_time_min == 10 and threshold == 5")
    assert row["value"].item() == pytest.approx(float(expected.sel({"method": "scaled", "threshold": 5.0})[1])) and row["cases"].item() == 8
    assert row["days"].item() == 2
    pd.testing.assert_frame_equal(pd.read_csv(whole.folder / "scores.csv"), table, check_dtype=False)


def test_the_store_opens_with_xarray_and_says_what_was_run(whole):
    path = whole.folder / "sums.zarr"
    with xr.open_zarr(path, group="a_first/rain", consolidated=False, decode_timedelta=True) as dataset:
        assert dataset["sums"].chunksizes["case"] == (1,) * 5 and dataset["sums"].sizes["method"] == 2
    settings = json.loads((path / "zarr.json").read_text())["attributes"]
    assert settings["methods"]["scaled"] == "Scaled(factor=1.2, unknown_columns=5, past_steps=2)" and settings["lead"] == "10min"
    assert sorted(item.name for item in whole.folder.iterdir()) == ["scores.csv", "sums.zarr"]


def test_sums_of_other_grids_stay_apart(events, tmp_path):
    results = verify(events, tmp_path, replace(SETTINGS, scores=["contingency", "spectrum"]))
    with pytest.raises(StormcellError, match="share no lead time, or lie on other coordinates; ask for one event"):
        results.sums("spectrum")
    assert results.sums("spectrum", "a_first").sizes["wavelength"] != results.sums("spectrum", "b_later").sizes["wavelength"]
    table = results.table()
    assert set(table[table["family"] == "spectrum"]["event"]) == {"a_first", "b_later"}
    assert set(table[table["family"] == "contingency"]["event"]) == {"a_first", "b_later", "all events"}


@dataclass(frozen=True)
class Interrupted:
    """Is stopped by the person at the terminal, as often as the file has letters."""

    flag: Path
    at: str
    past_steps: int = 2

    def __call__(self, past, lead_times, *, members=1, seed=None):
        if issue_of(past) == self.at and self.flag.exists():
            self.flag.unlink()
            raise KeyboardInterrupt
        return Scaled()(past, lead_times)


def test_a_stopped_run_goes_on_where_it_was(events, tmp_path):
    flag, log = tmp_path / "flag", tmp_path / "log"
    flag.touch()
    methods = {"noted": Noted(str(log)), "interrupted": Interrupted(flag, "12:35")}
    with pytest.raises(KeyboardInterrupt):
        verify(events, tmp_path / "out", replace(SETTINGS, methods=methods))
    half = Results(tmp_path / "out", scores=SCORES)
    assert half.cases["finished"].sum() == 3 and half.common("rain", "a_first").common == 3
    results = verify(events, tmp_path / "out", replace(SETTINGS, methods=methods))
    assert results.cases["common"].all()
    assert Counter(log.read_text().split()) == {
        "12:05": 1,
        "12:15": 1,
        "12:25": 1,
        "12:35": 2,  # the one that was interrupted
        "12:45": 1,
        "06:05": 1,
        "06:15": 1,
        "06:25": 1,
    }
    assert_same(verify(events, tmp_path / "other", replace(SETTINGS, methods=methods)), results)


def test_a_killed_run_goes_on_where_it_was(events, tmp_path):
    log = tmp_path / "log"
    code = f"""
from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from tests.benchmark.hindcasts import SCORES, Noted, Scaled
settings = Settings({{"noted": Noted({str(log)!r}, 0.3), "scaled": Scaled(1.2, 5)}}, SCORES, lead="10min", every="10min")
verify({[str(folder) for folder in events]!r}, {str(tmp_path / "out")!r}, settings)
"""
    with subprocess.Popen([*PYTHON, "-c", code], cwd=ROOT) as process:
        while not log.exists() or len(log.read_text().split()) < 4:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    done = Results(tmp_path / "out").cases["finished"].sum()
    assert process.returncode == -signal.SIGKILL and 3 <= done <= 4
    subprocess.run([*PYTHON, "-c", code], cwd=ROOT, check=True)
    calls = Counter(log.read_text().split())
    assert len(calls) == 8 and calls.total() <= 9, "only the case that was at hand is worked on again"
    methods = {"noted": Noted(str(log), 0.3), "scaled": Scaled(1.2, 5)}
    undisturbed = verify(events, tmp_path / "other", replace(SETTINGS, methods=methods))
    assert_same(undisturbed, Results(tmp_path / "out", scores=SCORES))


def test_a_case_half_written_is_done_again(events, whole, tmp_path, monkeypatch):
    write, killed_at = Store.write, 2

    def cut_short(self, case):
        if case.number == killed_at:
            monkeypatch.setattr(store_module, "FACTS", None)  # the sums are on disk by then, the mark is not
        write(self, case)

    monkeypatch.setattr(Store, "write", cut_short)
    with pytest.raises(TypeError):
        verify(events, tmp_path, SETTINGS)
    monkeypatch.undo()
    half = Results(tmp_path, scores=SCORES)
    assert half.cases["finished"].tolist() == [True, True] + [False] * 6
    assert np.isfinite(half.sums("rain", "a_first")[killed_at]).all() and half.common("rain", "a_first").common == 2
    assert_same(whole, verify(events, tmp_path, SETTINGS))


def test_a_mark_cut_short_counts_as_not_made(events, whole, tmp_path):
    verify(events, tmp_path, SETTINGS)
    mark = tmp_path / "sums.zarr" / "a_first" / "cases" / "status" / "c" / "1" / "0"
    os.truncate(mark, 1)
    (tmp_path / ".unfinished-1234").mkdir()
    assert Results(tmp_path, scores=SCORES).cases["finished"].tolist() == [True, False] + [True] * 6
    assert_same(whole, verify(events, tmp_path, SETTINGS))
    assert not (tmp_path / ".unfinished-1234").exists()


@pytest.mark.parametrize("left", ["", "{", "[]", '{"zarr_format": 3}'])
def test_settings_that_are_damaged_are_said_and_fresh_begins_anew(left, events, tmp_path):
    settings = replace(SETTINGS, methods=["persistence"])
    verify(events[1], tmp_path, settings)
    (tmp_path / "sums.zarr" / "zarr.json").write_text(left)
    with pytest.raises(ReadError, match="zarr.json: is damaged, .* --fresh to begin anew"):
        verify(events[1], tmp_path, settings)
    assert verify(events[1], tmp_path, settings, fresh=True).cases["common"].all()


@dataclass(frozen=True)
class Failing:
    """Breaks in a way of its own at each issue time."""

    past_steps: int = 2

    def __call__(self, past, lead_times, *, members=1, seed=None):
        match issue_of(past):
            case "12:05":
                raise MethodError("does not like\nfive past twelve")
            case "12:15":
                return np.ones(3)
            case "12:25":
                return Scaled()(past, lead_times[:1])
            case "06:15":
                return 1 / 0
        return Scaled(1.0, unknown_columns=12)(past, lead_times)


def test_a_method_that_fails_is_noted_and_the_others_go_on(events, whole, tmp_path):
    results = verify(events, tmp_path, replace(SETTINGS, methods={**METHODS, "failing": Failing()}))
    failures = results.failures
    assert failures["method"].tolist() == ["failing"] * 4 and failures["event"].tolist() == ["a_first"] * 3 + ["b_later"]
    says = failures["message"].tolist()
    assert says[0] == "does not like five past twelve" and says[1].startswith("AttributeError") and "expected 2 lead times" in says[2]
    assert says[3] == "ZeroDivisionError: division by zero"
    assert results.cases["common"].tolist() == [False] * 3 + [True, True, True, False, True] and results.cases["finished"].all()
    common = results.common("rain")
    assert (common.common, common.finished, common.sums.sizes["case"]) == (4, 8, 4) and np.isfinite(common.sums).all()
    assert set(results.table().query("event == 'all events'")["cases"]) == {4}
    # Where it failed, the mask is that of the other two; where it did not, its own unknown columns are nobody's.
    ours, undisturbed = (run.sums("rain", "a_first").sel({"method": ["scaled", "persistence"]}) for run in (results, whole))
    np.testing.assert_array_equal(ours[:3], undisturbed[:3])
    assert (ours[3:].sum("statistic") < undisturbed[3:].sum("statistic")).all()
    assert np.isnan(results.sums("rain", "a_first").sel({"method": "failing"})[:3]).all()


@dataclass(frozen=True)
class Broken:
    """Fails while a file is there."""

    flag: Path
    past_steps: int = 2

    def __call__(self, past, lead_times, *, members=1, seed=None):
        if self.flag.exists():
            raise MethodError("not today")
        return Scaled(1.2, unknown_columns=5)(past, lead_times)


def test_failed_cases_are_done_again_if_asked(events, tmp_path):
    flag = tmp_path / "flag"
    flag.touch()
    settings = replace(SETTINGS, methods={"broken": Broken(flag)})
    results = verify(events, tmp_path / "out", settings)
    assert len(results.failures) == 8 and results.table().empty
    with pytest.raises(StormcellError, match="no forecast has been scored by 'rain' yet"):
        results.sums("rain")
    flag.unlink()
    assert len(verify(events, tmp_path / "out", settings).failures) == 8, "a failure is a result"
    again = verify(events, tmp_path / "out", settings, retry_failed=True)
    assert again.failures.empty and again.common("rain").common == 8


@dataclass(frozen=True)
class NeedsMore:
    past_steps: int = 2

    def __call__(self, past, lead_times, *, members=1, seed=None):
        raise MissingExtraError("dreams", extra="dreams", purpose="this method")


def test_a_missing_package_stops_the_run(events, tmp_path):
    with pytest.raises(MethodError, match="'needs': this method needs dreams.*pip install 'stormcell\\[dreams\\]'"):
        verify(events, tmp_path, replace(SETTINGS, methods={"needs": NeedsMore()}))
    assert not Results(tmp_path, scores=SCORES).cases["finished"].any()


OTHER = {
    "more methods": (replace(SETTINGS, methods={**METHODS, "more": Scaled()}), r"methods were scaled, persistence, now .*all methods know"),
    "another order": (replace(SETTINGS, methods=dict(reversed(METHODS.items()))), "methods were scaled, persistence, now persistence"),
    "a changed method": (replace(SETTINGS, methods={**METHODS, "scaled": Scaled(2.0)}), r"methods scaled was Scaled\(factor=1.2"),
    "scores": (replace(SETTINGS, scores=["contingency"]), "scores were rain, now contingency"),
    "lead": (replace(SETTINGS, lead="5min"), "lead was 10min, now 5min"),
    "lead_every": (replace(SETTINGS, lead_every="10min"), "lead_every was None, now 10min"),
    "every": (replace(SETTINGS, every="15min"), "every was 10min, now 15min; events a_first cases was 5, now 4"),
    "past": (replace(SETTINGS, past=3), "past was 2, now 3"),
    "members": (replace(SETTINGS, members=2), "members was 1, now 2"),
    "seed": (replace(SETTINGS, seed=1), "seed was 0, now 1"),
}


@pytest.mark.parametrize("what", OTHER)
def test_other_settings_are_refused(what, whole, events):
    settings, says = OTHER[what]
    with pytest.raises(StormcellError, match=f"{whole.folder} holds a hindcast with other settings: .*{says}.*--fresh"):
        verify(events, whole.folder, settings)
    assert Results(whole.folder, scores=SCORES).cases["finished"].all(), "what was there is untouched"


def test_other_inputs_are_refused_and_fresh_begins_anew(events, tmp_path):
    verify(events, tmp_path, SETTINGS)
    with pytest.raises(StormcellError, match="events were a_first, b_later, now a_first"):
        verify(events[1], tmp_path, SETTINGS)
    with pytest.raises(StormcellError, match="events a_first content was "):
        verify([events[0], write_event(tmp_path / "a_first", steps=13, shape=(25, 32))], tmp_path, SETTINGS)
    assert verify(events[1], tmp_path, SETTINGS, fresh=True).events == ["a_first"]


def test_a_changed_version_is_refused_and_a_changed_commit_is_said(events, tmp_path, monkeypatch):
    import stormcell
    from stormcell.benchmark import settings

    monkeypatch.setattr(settings, "running_commit", lambda: "abc")
    verify(events, tmp_path, SETTINGS)
    monkeypatch.setattr(settings, "running_commit", lambda: "def")
    verify(events, tmp_path, SETTINGS)  # nothing is left to do
    (tmp_path / "sums.zarr" / "a_first" / "cases" / "status" / "c" / "1" / "0").unlink()
    with pytest.warns(UserWarning, match="was begun with the code at abc and goes on with def"):
        verify(events, tmp_path, SETTINGS)
    monkeypatch.setattr(stormcell, "__version__", "99")
    with pytest.raises(StormcellError, match="stormcell was 0.1.0, now 99"):
        verify(events, tmp_path, SETTINGS)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_network_with_other_weights_is_another_method(wrapped, tmp_path):
    """Its folder, and so the method's own words, stay the same when it is trained anew."""

    def described():
        method = Learned(tmp_path / "tiny")
        return Settings({"tiny": Wrapping(method) if wrapped else method}).as_json([])["methods"]["tiny"]

    save_tiny(tmp_path / "tiny")
    before = described()
    assert before.count("model ") == 1 and described() == before
    save_tiny(tmp_path / "tiny", bias=0.4)
    trained_anew = described()
    assert trained_anew != before
    maps = RainRateMaps(RATES, (tuple(2 * rate for rate in RATES),))
    write_calibration(Calibration("model of some kind", "quantile", 1, (10.0,), maps, 7, {}), tmp_path / "tiny")
    assert described().startswith(trained_anew + "; Calibration(quantile of model of some kind")


@dataclass(frozen=True)
class Wrapping:
    method: Learned

    @property
    def past_steps(self):
        return self.method.past_steps


def test_settings_are_checked():
    with pytest.raises(StormcellError, match="one method or more, each named once, got none"):
        Settings([])
    with pytest.raises(StormcellError, match="one score or more, each named once, got fss, fss"):
        Settings(["persistence"], ["fss", "fss"])
    with pytest.raises(StormcellError, match="unknown score 'magic': expected one of .*contingency"):
        Settings(["persistence"], ["magic"])
    with pytest.raises(MethodError, match="unknown method 'magic'"):
        Settings(["magic"])
    with pytest.raises(StormcellError, match="two past frames or more, got 1"):
        Settings(["persistence"], past=1)
    with pytest.raises(StormcellError, match="score 'cases': expected a name"):
        Settings(["persistence"], {"cases": SCORES["rain"]})
    five, two = np.timedelta64(5, "m"), np.timedelta64(2, "m")
    assert Settings(["persistence", "advection"]).past_frames(five) == Settings(["persistence", "advection"]).past_frames(two) == 4
    assert [Settings(["persistence", "guided"]).past_frames(step) for step in (five, two)] == [5, 11]
    assert Settings(["guided"], past=3).past_frames(two) == 3
    assert "0x" not in str(Settings({"a": Advection(estimate=lambda past: past)}).as_json([])["methods"])


def test_a_frame_without_data_adds_no_pixel(tmp_path):
    from stormcell.data.synthetic import synthetic_storm

    storm = synthetic_storm(9, shape=(24, 32))
    storm[5] = np.nan
    (tmp_path / "in").mkdir()
    storm.to_netcdf(tmp_path / "in" / "storm.nc", engine="h5netcdf")
    results = verify(tmp_path / "in", tmp_path / "out", SETTINGS)
    counts = results.sums("rain").sum("statistic").sel({"method": "persistence", "threshold": 5.0})
    # Issue times 5, 15 and 25 minutes after the start: the frame at 25 verifies the second at 10 minutes, and is the third's last past.
    assert (counts > 0).values.tolist() == [[True, True], [True, False], [False, False]]
    assert results.failures["method"].tolist() == [] and np.isnan(results.cases["past_mean"][2])


def test_files_that_cannot_be_read(events, tmp_path):
    folder = write_event(tmp_path / "a", steps=13)
    file = sorted(folder.iterdir())[4]
    with h5py.File(file) as composite:
        piece = composite["dataset1/data1/data"].id.get_chunk_info(0)
    content = bytearray(file.read_bytes())
    content[piece.byte_offset : piece.byte_offset + piece.size] = bytes(piece.size)
    file.write_bytes(content)
    with pytest.raises(ReadError):
        read(file)
    with pytest.raises(ReadError, match="20240701122000"):
        verify(folder, tmp_path / "out", SETTINGS)
    results = verify(folder, tmp_path / "out", SETTINGS, skip_bad=True)
    assert results.cases["common"].sum() in (2, 3) and results.failures["message"].str.startswith("not read: ").all()


@dataclass(frozen=True)
class Ensemble:
    past_steps: int = 2

    def __call__(self, past, lead_times, *, members=1, seed=None):
        noise = np.random.default_rng(seed).random((members, len(lead_times), *past.shape[1:]))
        return make_forecast(noise * past.values[-1], past, lead_times, method="ensemble")


def test_ensembles_are_as_large_as_can_be_and_each_case_has_its_own_numbers(events, tmp_path):
    settings = replace(SETTINGS, methods={"scaled": Scaled(), "ensemble": Ensemble()}, members=3, scores=["continuous"])
    results = verify(events, tmp_path / "a", settings)
    assert results.members == {"scaled": [1], "ensemble": [3]} and results.failures.empty
    other = verify(events, tmp_path / "b", replace(settings, seed=1))
    ours, theirs = (run.sums("continuous").sel({"method": "ensemble", "statistic": "forecast"}) for run in (results, other))
    assert (ours != theirs).all()
    xr.testing.assert_allclose(verify(events, tmp_path / "c", settings).sums("continuous"), results.sums("continuous"), rtol=1e-12)


@dataclass(frozen=True)
class Warning_:
    past_steps: int = 2

    def __call__(self, past, lead_times, *, members=1, seed=None):
        warnings.warn("this takes long", UserWarning, stacklevel=2)
        return Scaled()(past, lead_times)


@pytest.mark.filterwarnings("default")
def test_what_methods_say_is_handed_on(events, tmp_path):
    with pytest.warns(UserWarning, match="this takes long"):
        verify(events, tmp_path, replace(SETTINGS, methods={"warning": Warning_()}))


def test_memory_does_not_grow_with_the_number_of_cases(tmp_path):
    peaks = {}
    for steps in (12, 12, 24):  # the first warms up
        folder = write_event(tmp_path / str(steps), steps=steps, shape=(384, 384))
        tracemalloc.start()
        verify(folder, tmp_path / "out", replace(SETTINGS, methods=["persistence"], every="5min"), fresh=True)
        peaks[steps] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    frame = 384 * 384 * 4
    assert peaks[24] < peaks[12] + 4 * frame, {steps: peak / frame for steps, peak in peaks.items()}


def test_results_say_what_is_not_there(whole, tmp_path):
    with pytest.raises(ReadError, match="holds no results of a hindcast"):
        Results(tmp_path)
    with pytest.raises(StormcellError, match="unknown score 'csi': expected one of rain"):
        whole.sums("csi")
    with pytest.raises(StormcellError, match="unknown event 'c'"):
        whole.sums("rain", "c")
    with pytest.raises(StormcellError, match="open the results with scores="):
        Results(whole.folder).values("rain")


def test_a_group_is_opened_once(whole, monkeypatch):
    """However often it is asked for; and what was read of it does not stay in memory."""
    opened, open_dataset = [], xr.open_dataset
    monkeypatch.setattr(xr, "open_dataset", lambda *args, **more: opened.append(more["group"]) or open_dataset(*args, **more))
    results = Results(whole.folder, scores=SCORES)
    for _ in range(3):
        results.table(), results.sums("rain", results.events[0])
    assert sorted(opened) == sorted({f"{event}/{group}" for event in results.events for group in ("cases", "rain")})
    assert not results._open(results.events[0], "rain")["sums"].variable._in_memory
