"""`stormcell verify` as a person runs it."""

import re

import pandas as pd
import pytest

from tests.benchmark.hindcasts import write_event
from tests.cli.process import stormcell
from tests.methods.tiny_models import save_tiny


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "events"
    write_event(folder / "a", steps=13)
    write_event(folder / "b", steps=11, shape=(30, 26), seed=2)
    return folder


def test_a_hindcast_and_going_on_with_it(events, tmp_path):
    words = ("verify", events / "*", "--methods", "persistence,advection", "--lead", "10min", "--every", "10min", "--no-report")
    words += ("-o", tmp_path / "out")
    done = stormcell(*words)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "cases     7 of 7, on which all methods made a forecast\n" in done.stdout
    tables = re.findall(r"CSI after (\d+) min +0.5 mm/h +1 mm/h +2 mm/h +5 mm/h\npersistence +[\d.]+.*\nadvection +[\d.]+", done.stdout)
    assert tables == ["5", "10"] and f"wrote     {tmp_path / 'out' / 'scores.csv'}" in done.stdout
    table = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert set(table["event"]) == {"a", "b", "all events"} and set(table["family"]) == {"contingency", "continuous"}
    assert stormcell(*words).stdout == done.stdout, "there is nothing left to do"
    (tmp_path / "out" / "sums.zarr" / "b" / "cases" / "status" / "c" / "0" / "0").unlink()
    assert stormcell(*words).stdout == f"going on  with {tmp_path / 'out'}, where 6 of 7 cases are done\n{done.stdout}"
    other = stormcell(*words, "--methods", "persistence")
    assert other.returncode == 2 and "methods were persistence, advection, now persistence" in other.stderr
    assert "cases     9 of 9" in stormcell(*words, "--methods", "persistence", "--fresh").stdout


def test_a_trained_network_by_its_folder(events, tmp_path):
    save_tiny(tmp_path / "mine" / "best")
    words = ("verify", events / "a", "-m", "persistence,mine/best", "--lead", "10min", "--every", "20min", "--no-report", "-o", "out")
    done = stormcell(*words, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert list(pd.read_csv(tmp_path / "out" / "scores.csv")["method"].unique()) == ["persistence", "mine_best"]
    save_tiny(tmp_path / "mine" / "best", bias=0.4)
    other = stormcell(*words, cwd=tmp_path)
    assert other.returncode == 2 and "methods mine_best was Learned(" in other.stderr and "--fresh" in other.stderr


def test_scores_by_kind_of_weather_need_no_other_run(events, tmp_path):
    words = ("verify", events / "*", "-m", "persistence", "--lead", "10min", "--every", "10min", "--no-report", "-o", tmp_path / "out")
    assert "season" not in stormcell(*words).stdout
    marks = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "sums.zarr").rglob("*") if path.is_file()}
    done = stormcell(*words, "--by", "season,regime")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert re.search(r"\nseason JJA, 9 cases on 1 day\nCSI after 10 min +0.5 mm/h .*\npersistence +[\d.]+", done.stdout)
    assert re.search(r"\nregime \w+( light| heavy)?, \d cases? on 1 day\n", done.stdout)
    assert {path: path.stat().st_mtime_ns for path in marks} == marks, "what was computed stays as it was"
    by_season, whole = (pd.read_csv(tmp_path / "out" / name) for name in ("scores_by_season.csv", "scores.csv"))
    of_all = whole[whole["event"] == "all events"].drop(columns="event").reset_index(drop=True)
    pd.testing.assert_frame_equal(by_season.drop(columns="season"), of_all)
    assert set(pd.read_csv(tmp_path / "out" / "scores_by_regime.csv")["regime"]) <= {"dry", "scattered light", "scattered heavy"} | {
        "widespread light",
        "widespread heavy",
    }


def test_failures_and_gaps_are_said(events, tmp_path):
    files = sorted((events / "a").iterdir())
    done = stormcell(
        "verify",
        *files[:4],
        *files[5:],
        "-m",
        "persistence,advection",
        "--lead",
        "7min",
        "--every",
        "5min",
        "-o",
        tmp_path,
        "--members",
        "3",
    )
    assert done.returncode == 0, done.stderr
    assert "cases     4 of 4, on which all methods made a forecast, 5 issue times left out for missing scans\n" in done.stdout


BAD = {
    "no such file": (["absent"], "absent: no such file"),
    "unknown method": (["{events}/a", "-m", "magic"], "unknown method 'magic'"),
    "unknown score": (["{events}/a", "--scores", "magic"], "unknown score 'magic'"),
    "unknown weather": (["{events}/a", "--by", "moon"], "unknown kind of weather 'moon': expected season, regime"),
    "too long": (["{events}/a", "--lead", "5h"], "event a: none of its 0 issue times"),
    "every": (["{events}/a", "--every", "often"], "--every 'often' is not understood"),
    "a folder of events": (["{events}"], ""),
    "no cluster": (["{events}/a", "--lead", "5min", "--dask", "nonsense"], "'nonsense' is no address of a Dask scheduler"),
    "output in the input": (["{events}/a", "-o", "{events}/a/out"], "lies in the input"),
    "output where a glob looks": (["{events}/*", "-o", "{events}/out"], "lies in the input"),
    "output is a file": (["{events}/a", "-o", "{file}"], "is not a folder"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line_and_status_2(case, events, tmp_path):
    words, says = BAD[case]
    (tmp_path / "file").write_text("what was there before")
    if case == "no cluster":
        pytest.importorskip("distributed", reason="distributed is not installed")
    output = [] if "-o" in words else ["-o", tmp_path / "out"]
    done = stormcell("verify", *(word.format(events=events, file=tmp_path / "file") for word in words), *output)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert done.stderr.startswith("stormcell: error: ") and done.stderr.count("\n") == 1


def test_help_loads_nothing_heavy():
    done = stormcell("verify", "--help")
    assert done.returncode == 0 and "--methods" in done.stdout and "--dask" in done.stdout
