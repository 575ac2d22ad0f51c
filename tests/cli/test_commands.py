"""The commands as a person runs them: a process, its words, its exit status, and what it leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.products.netcdf import read_forecast
from tests.cli.process import stormcell, stormcell_afresh


@pytest.fixture(scope="module")
def radar(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("storm") / "radar"
    write_odim(synthetic_storm(5, shape=(64, 64)), folder)
    return folder


def test_help_names_the_commands():
    done = stormcell_afresh("--help")
    assert done.returncode == 0 and all(name in done.stdout for name in ("nowcast", "info", "demo", "benchmark"))
    assert stormcell_afresh("--version").stdout.startswith("stormcell ")


def test_nowcast_writes_everything_it_is_asked_for(radar, tmp_path):
    out = tmp_path / "deep" / "nowcast.nc"
    done = stormcell_afresh(
        "nowcast", radar, "-o", out, "--lead", "20min", "--gif", tmp_path / "a.gif", "--png", tmp_path / "png", "--cog", tmp_path / "cog"
    )
    assert done.returncode == 0, done.stderr
    assert "past      5 scans, 2024-07-01 12:00 to 12:20 UTC, every 5 min, 64 x 64 pixels of 1 km" in done.stdout
    assert "forecast  guided, 4 lead times, to 2024-07-01 12:40 UTC" in done.stdout
    assert read_forecast(out).sizes["lead_time"] == 4
    assert (tmp_path / "a.gif").read_bytes().startswith(b"GIF89a")
    assert len(list((tmp_path / "png").iterdir())) == 9 and len(list((tmp_path / "cog").iterdir())) == 4
    assert os.listdir(out.parent) == ["nowcast.nc"], "nothing temporary is left"


def test_a_fast_radar_is_read_as_far_back_as_the_network_looks(tmp_path):
    write_odim(synthetic_storm(13, shape=(64, 64), minutes=2.0), tmp_path / "fast")
    done = stormcell("nowcast", tmp_path / "fast", "-o", tmp_path / "out.nc", "--lead", "4min")
    assert done.returncode == 0, done.stderr
    assert "past      11 scans, 2024-07-01 12:04 to 12:24 UTC, every 2 min" in done.stdout
    assert "past_frames" not in read_forecast(tmp_path / "out.nc").attrs


def test_products_of_an_ensemble(radar, tmp_path):
    words = ["--method", "lagrangian-probability", "--members", "4", "--seed", "1", "--lead", "10min", "--probability", "5,1"]
    words += ["--quantiles", "0.1,0.9", "--mean", "--matched-mean", "--neighbourhood", "3", "--onset", "0.5"]
    done = stormcell("nowcast", radar, *words, "-o", tmp_path / "all.nc", "--gif", tmp_path / "a.gif")
    assert done.returncode == 0, done.stderr
    assert "lagrangian-probability, 4 members, 2 lead times" in done.stdout and read_forecast(tmp_path / "all.nc").sizes["member"] == 4
    with xr.open_dataset(tmp_path / "all.nc", decode_timedelta=False) as file:
        assert file["probability"].sel(threshold=1.0).max() == 1 and file["rain_start"].min() == 0
    assert (tmp_path / "a_probability_5mm.gif").is_file() and (tmp_path / "a_quantile_90.gif").is_file()
    assert stormcell("nowcast", radar, *words, "--products-only", "-o", tmp_path / "small.nc").returncode == 0
    with xr.open_dataset(tmp_path / "small.nc", decode_timedelta=False) as file:
        assert "rainfall_rate" not in file and "probability_matched_mean" in file


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


@pytest.fixture(scope="module")
def made(radar, tmp_path_factory) -> Path:
    """A forecast of ours."""
    path = tmp_path_factory.mktemp("made") / "made.nc"
    assert stormcell("nowcast", radar, "-o", path, "--lead", "5min").returncode == 0
    return path


BAD = {
    "nothing to write": (["nowcast", "{radar}"], "nothing to write: give -o"),
    "no such file": (["nowcast", "absent.h5", "-o", "{out}"], "absent.h5: no such file"),
    "unknown method": (["nowcast", "{radar}", "-o", "{out}", "--method", "magic"], "unknown method 'magic'"),
    "members": (["nowcast", "{radar}", "-m", "advection", "-o", "{out}", "--members", "3"], "expected members=1, got 3"),
    "lead": (["nowcast", "{radar}", "-o", "{out}", "--lead", "soon"], "lead time 'soon'"),
    "rule": (["nowcast", "{radar}", "-o", "{out}", "--zr", "rain"], "unknown Z-R rule 'rain'"),
    "animation's name": (["nowcast", "{radar}", "--gif", "out.avi"], "expected a name that ends in .gif"),
    "one scan": (["nowcast", "{one}", "-o", "{out}"], "two frames or more"),
    "output is an input": (["nowcast", "{nc}", "-o", "{nc}"], "is one of the input files"),
    "output beside the input": (["nowcast", "{radar}", "-o", "{radar}/nowcast.nc"], "is an input folder, where"),
    "pictures among the input": (["nowcast", "{radar}", "--lead", "5min", "--png", "{radar}"], "is an input folder, where"),
    "maps among the input": (["nowcast", "{radar}", "--lead", "5min", "--cog", "{radar}/."], "is an input folder, where"),
    "output name": (["nowcast", "{radar}", "-o", "out.tif"], "expected a name that ends in .nc"),
    "a forecast as input": (["nowcast", "{nc}", "-o", "{out}"], "is a forecast, not observations"),
    "demo on a file": (["demo", "-o", "{out}"], "cannot be written"),
    "no numbers": (["nowcast", "{radar}", "-o", "{out}", "--probability", "1;5"], "expected numbers with commas"),
    "no event": (["nowcast", "{radar}", "-o", "{out}", "--probability", "0"], "rising thresholds above 0"),
    "no share": (["nowcast", "{radar}", "-o", "{out}", "--quantiles", "90"], "levels from 0 to 1"),
    "no onset": (["nowcast", "{radar}", "-o", "{out}", "--onset", "0"], "above 0"),
    "a radius alone": (["nowcast", "{radar}", "-o", "{out}", "--neighbourhood", "5"], "expected --probability with it"),
    "a radius below 0": (["nowcast", "{radar}", "-o", "{out}", "--probability", "1", "--neighbourhood", "-5"], "0 km or more"),
    "products alone": (["nowcast", "{radar}", "-o", "{out}", "--products-only"], "and a product"),
    "lead beyond reason": (["nowcast", "{radar}", "-o", "{out}", "--lead", "100000h"], "at most 24 h"),
    "not radar data": (["nowcast", "{junk}", "-o", "{out}"], "junk.h5: no reader recognises its content"),
    "output is a folder": (["nowcast", "{radar}", "-o", "{folder}", "--lead", "5min"], "is a folder"),
    "unknown benchmark": (["benchmark", "magic"], "unknown benchmark 'magic'"),
    "data for nothing": (["benchmark", "cells", "--data", "{folder}"], "expected nowcast, ensemble or runtimes with this option"),
    "costs of nothing": (["benchmark", "cells", "--sizes", "64x64"], "--sizes: is an option of the benchmark nowcast alone"),
    "no earlier figures": (["benchmark", "nowcast", "--parts", "costs", "--against", "{junk}"], "junk.h5: is no JSON"),
    "benchmark without data": (["benchmark", "nowcast", "--data", "nowhere"], "expected a folder with radar events"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line_and_status_2(case, radar, made, tmp_path):
    words, says = BAD[case]
    (tmp_path / "junk.h5").write_text("<html>404</html>")
    out = tmp_path / "out.nc"
    out.write_text("what was there before")
    (tmp_path / "folder.nc").mkdir()
    places = {
        "radar": radar,
        "out": out,
        "junk": tmp_path / "junk.h5",
        "one": min(radar.iterdir()),
        "nc": made,
        "folder": tmp_path / "folder.nc",
    }
    done = stormcell(*(word.format(**places) for word in words), cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert done.stderr.startswith("stormcell: error: ") and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert out.read_text() == "what was there before" and len(list(tmp_path.iterdir())) == 3 and len(list(radar.iterdir())) == 5


@pytest.mark.parametrize("words", [["demo"], ["nowcast", "{radar}", "--gif", "a.gif", "-m", "steps", "--members", "2"]])
def test_a_seed_below_0_is_refused_in_words(words, radar, tmp_path):
    done = stormcell(*(word.format(radar=radar) for word in words), "--seed", "-1", cwd=tmp_path)
    assert done.returncode == 2 and "--seed" in done.stderr and "Traceback" not in done.stderr and not any(tmp_path.iterdir())


def test_skip_bad_says_what_is_left_out(radar, tmp_path):
    (tmp_path / "junk.h5").write_text("<html>404</html>")
    done = stormcell("nowcast", radar, tmp_path / "junk.h5", "-o", tmp_path / "out.nc", "--lead", "5min", "--skip-bad")
    assert done.returncode == 0 and "stormcell: warning: left out" in done.stderr and "junk.h5" in done.stderr


def test_a_missing_scan_is_said(radar, tmp_path):
    files = sorted(radar.iterdir())
    done = stormcell("nowcast", *files[:3], files[4], "-o", tmp_path / "out.nc", "--lead", "5min")
    assert done.returncode == 0 and "5 scans, 1 missing" in done.stdout


def test_a_device_is_left_alone(radar, tmp_path):
    done = stormcell("nowcast", radar, "--lead", "5min", "--gif", tmp_path / "pipe.gif")
    assert done.returncode == 0
    (tmp_path / "pipe.gif").unlink()
    os.mkfifo(tmp_path / "pipe.gif")
    done = stormcell("nowcast", radar, "--lead", "5min", "--gif", tmp_path / "pipe.gif")
    assert done.returncode == 2 and "is a folder or a device" in done.stderr and (tmp_path / "pipe.gif").is_fifo()


def test_a_rule_that_has_no_effect_is_said(tmp_path):
    from tests.data import radar_files as make

    for minute in (0, 5):
        make.odim(tmp_path / f"{minute}.h5", clock=f"12{minute:02d}00", quantity="RATE", what={"gain": 0.1, "offset": 0.0})
    done = stormcell("nowcast", tmp_path / "0.h5", tmp_path / "5.h5", "-o", tmp_path / "o" / "a.nc", "--lead", "5min", "--zr", "fmi")
    assert done.returncode == 0 and "--zr fmi has no effect" in done.stderr


def test_words_that_nobody_reads_are_no_error(radar):
    code = "from stormcell.cli import main; main()"
    command = f"'{sys.executable}' -c '{code}' info '{radar}' | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in done.stderr


def test_a_run_that_is_ended_leaves_nothing_half_written(radar, tmp_path):
    import signal
    import time

    code = "from stormcell.cli import main; main()"
    command = [sys.executable, "-c", code, "nowcast", str(radar), "--png", str(tmp_path), "--lead", "24h"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not any(tmp_path.iterdir()):
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
    assert process.returncode != 0 and not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_box_of_the_radar(radar, tmp_path):
    done = stormcell("nowcast", radar, "-m", "advection", "--lead", "5min", "-o", tmp_path / "whole.nc")
    assert done.returncode == 0, done.stderr
    whole = read_forecast(tmp_path / "whole.nc")
    assert (
        stormcell(
            "nowcast", radar, "-m", "advection", "--lead", "5min", "-o", tmp_path / "box.nc", "--bbox", "9.5,55.0,10.1,55.4"
        ).returncode
        == 0
    )
    box = read_forecast(tmp_path / "box.nc")
    assert 4 < box.sizes["x"] < whole.sizes["x"] and 4 < box.sizes["y"] < whole.sizes["y"]
    assert stormcell("nowcast", radar, "-o", tmp_path / "a.nc", "--bbox", "1,2,3").returncode == 2
    assert "source" in stormcell("nowcast", "source:nowhere", "-o", tmp_path / "a.nc").stderr
