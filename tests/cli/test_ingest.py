"""`stormcell ingest` as a person runs it, and what the other commands make of the archive."""

import json

import pytest

from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from tests.cli.process import stormcell


@pytest.fixture(scope="module")
def radar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ingest") / "radar"
    write_odim(synthetic_storm(9, shape=(48, 56)), folder)
    return folder


@pytest.fixture(scope="module")
def archive(radar):
    path = radar.parent / "archive.zarr"
    done = stormcell(
        "ingest", *sorted(radar.iterdir())[:-2], path, "--licence", "cc-by-4.0", "--source", "our own", "--attribute", "note=hm"
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout.startswith(
        "added     7 scans, 0 were there already\narchive   7 scans, 0 missing, 2024-07-01 12:00 to 2024-07-01 12:30"
    )
    return path


def test_again_and_more(radar, archive):
    assert "added     2 scans, 7 were there already" in stormcell("ingest", radar, archive).stdout
    assert "added     0 scans, 9 were there already" in stormcell("ingest", radar, archive).stdout


def test_the_other_commands_take_it(archive, tmp_path):
    said = stormcell("info", archive).stdout
    assert "licence   CC-BY-4.0" in said and "source    our own" in said and "(1 archive)" in said
    told = json.loads(stormcell("info", archive, "--json").stdout)
    assert told["licence"] == "CC-BY-4.0" and told["zr_rule"] == "marshall-palmer: Z = 200 R^1.6" and told["gap_count"] == 0
    assert stormcell("nowcast", archive, "-o", tmp_path / "out.nc", "--lead", "10min").returncode == 0
    done = stormcell("verify", archive, "--lead", "10min", "--every", "5min", "-o", tmp_path / "report", "--no-report")
    assert done.returncode == 0 and "on which all methods made a forecast" in done.stdout, done.stderr


BAD = {
    "no archive": (["{radar}", "{radar}"], "expected the name of the archive last, one that ends in .zarr"),
    "no input": (["absent", "{new}"], "absent: no such file"),
    "licence": (["{radar}", "{new}", "--licence", "free for all"], "expected an SPDX identifier"),
    "profile": (["{radar}", "{new}", "--profile", "magic"], "expected one of default, mlcast"),
    "rules": (["{radar}", "{new}", "--profile", "mlcast"], "would break 6 of the rules of mlcast"),
    "step": (["{radar}", "{new}", "--step", "often"], "--step 'often' is not understood"),
    "step without a unit": (["{radar}", "{new}", "--step", "5"], "--step '5': expected a number and its unit"),
    "step of no time": (["{radar}", "{new}", "--step", "nat"], "--step 'nat': expected a number and its unit"),
    "attribute": (["{radar}", "{new}", "--attribute", "note"], "expected NAME=VALUE"),
    "reserved": (["{radar}", "{new}", "--attribute", "time_origin=now"], "belongs to the format"),
    "another rule": (["{radar}", "{new}", "--zr", "a,b"], "unknown Z-R rule"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line_and_status_2(case, radar, tmp_path):
    words, says = BAD[case]
    done = stormcell("ingest", *(word.format(radar=radar, new=tmp_path / "new.zarr") for word in words))
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert done.stderr.startswith("stormcell: error: ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "new.zarr").exists()


def test_help_loads_nothing_heavy():
    done = stormcell("ingest", "--help")
    assert done.returncode == 0 and "--licence" in done.stdout and "--dask" in done.stdout
