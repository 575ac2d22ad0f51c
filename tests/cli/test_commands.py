"""The commands as a person runs them: a process, its words, its exit status, and what it leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.products.netcdf import read_forecast


def stormcell(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    code = "from stormcell.cli import main; main()"
    command = [sys.executable, "-W", "error", "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=os.environ | {"COLUMNS": "200"})


@pytest.fixture(scope="module")
def radar(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("storm") / "radar"
    write_odim(synthetic_storm(5, shape=(64, 64)), folder)
    return folder


def test_help_names_the_commands():
    done = stormcell("--help")
    assert done.returncode == 0 and all(name in done.stdout for name in ("nowcast", "info", "demo", "benchmark"))
    assert stormcell("--version").stdout.startswith("stormcell ")


def test_nowcast_writes_everything_it_is_asked_for(radar, tmp_path):
    out = tmp_path / "deep" / "nowcast.nc"
    done = stormcell(
        "nowcast", radar, "-o", out, "--lead", "20min", "--gif", tmp_path / "a.gif", "--png", tmp_path / "png", "--cog", tmp_path / "cog"
    )
    assert done.returncode == 0, done.stderr
    assert "past      4 scans, 2024-07-01 12:05 to 12:20 UTC, every 5 min, 64 x 64 pixels of 1 km" in done.stdout
    assert "forecast  advection, 4 lead times, to 2024-07-01 12:40 UTC" in done.stdout
    assert read_forecast(out).sizes["lead_time"] == 4
    assert (tmp_path / "a.gif").read_bytes().startswith(b"GIF89a")
    assert len(list((tmp_path / "png").iterdir())) == 8 and len(list((tmp_path / "cog").iterdir())) == 4
    assert os.listdir(out.parent) == ["nowcast.nc"], "nothing temporary is left"


@pytest.mark.parametrize("method", ["persistence", "rover"])
def test_other_methods(radar, tmp_path, method):
    done = stormcell("nowcast", radar, "-o", tmp_path / "out.nc", "--method", method, "--lead", "5min", "--past", "3")
    assert done.returncode == 0 and f"forecast  {method}, 1 lead times" in done.stdout and "past      3 scans" in done.stdout


def test_zr_changes_the_rain(radar, tmp_path):
    for name, rule in (("a", "marshall-palmer"), ("b", "300,1.4")):
        assert stormcell("nowcast", radar, "-o", tmp_path / f"{name}.nc", "--zr", rule, "--lead", "5min").returncode == 0
    first, second = (read_forecast(tmp_path / f"{name}.nc") for name in "ab")
    assert "custom: Z = 300 R^1.4" in second.attrs["zr_rule"] and np.nanmax(np.abs(first.values - second.values)) > 0.1


def test_info_for_a_person_and_for_a_program(radar):
    said = stormcell("info", radar).stdout
    assert "every 5 min" in said and "64 rows x 64 columns, pixels of 1 km" in said and "0 missing" in said
    facts = json.loads(stormcell("info", "--json", radar).stdout)
    assert facts["scans"] == 5 and facts["missing_scans"] == [] and 0 < facts["wet_share"] < 1


def test_demo_leaves_what_it_says(tmp_path):
    done = stormcell("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Look at   demo/nowcast.gif" in done.stdout and "CSI at 0.5 mm/h after" in done.stdout
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {
        "radar",
        "nowcast.nc",
        "nowcast.gif",
        "index.html",
        "frames",
        "geotiff",
    }


BAD = {
    "nothing to write": (["nowcast", "{radar}"], "nothing to write: give -o"),
    "no such file": (["nowcast", "absent.h5", "-o", "{out}"], "absent.h5: no such file"),
    "unknown method": (["nowcast", "{radar}", "-o", "{out}", "--method", "magic"], "unknown method 'magic'"),
    "members": (["nowcast", "{radar}", "-o", "{out}", "--members", "3"], "expected members=1, got 3"),
    "lead": (["nowcast", "{radar}", "-o", "{out}", "--lead", "soon"], "lead time 'soon'"),
    "rule": (["nowcast", "{radar}", "-o", "{out}", "--zr", "rain"], "unknown Z-R rule 'rain'"),
    "animation's name": (["nowcast", "{radar}", "--gif", "out.avi"], "expected a name that ends in .gif"),
    "one scan": (["nowcast", "{radar}", "-o", "{out}", "--past", "1"], "two frames or more"),
    "not radar data": (["nowcast", "{junk}", "-o", "{out}"], "junk.h5: no reader recognises its content"),
    "output is a folder": (["nowcast", "{radar}", "-o", "{radar}", "--lead", "5min"], "is a folder"),
    "unknown benchmark": (["benchmark", "magic"], "unknown benchmark 'magic'"),
    "benchmark without data": (["benchmark", "nowcast", "--data", "nowhere"], "expected a folder with radar events"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line_and_status_2(case, radar, tmp_path):
    words, says = BAD[case]
    (tmp_path / "junk.h5").write_text("<html>404</html>")
    out = tmp_path / "out.nc"
    out.write_text("what was there before")
    places = {"radar": radar, "out": out, "junk": tmp_path / "junk.h5"}
    done = stormcell(*(word.format(**places) for word in words), cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert done.stderr.startswith("stormcell: error: ") and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert out.read_text() == "what was there before" and len(list(tmp_path.iterdir())) == 2


def test_skip_bad_says_what_is_left_out(radar, tmp_path):
    (tmp_path / "junk.h5").write_text("<html>404</html>")
    done = stormcell("nowcast", radar, tmp_path / "junk.h5", "-o", tmp_path / "out.nc", "--lead", "5min", "--skip-bad")
    assert done.returncode == 0 and "stormcell: warning: left out" in done.stderr and "junk.h5" in done.stderr


def test_a_missing_scan_is_said(radar, tmp_path):
    files = sorted(radar.iterdir())
    done = stormcell("nowcast", *files[:3], files[4], "-o", tmp_path / "out.nc", "--lead", "5min")
    assert done.returncode == 0 and "4 scans, 1 missing" in done.stdout
