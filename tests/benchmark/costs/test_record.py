"""Costs on disk: what was written is read back, and a bad file is told of."""

import json

import pytest

from stormcell.benchmark.costs import record
from stormcell.benchmark.costs.record import SCHEMA, read_costs
from stormcell.errors import ReadError
from tests.benchmark.costs.figures import classic, costs, network, samples

GOOD = {"schema": SCHEMA, "machine": {"cores": 2}, "versions": {"stormcell": "0.1.0"}, "costs": costs(network(), classic()).plain()}


def test_written_and_read(tmp_path):
    path = tmp_path / "costs.json"
    path.write_text(json.dumps(GOOD))
    assert read_costs(path) == (costs(network(), classic()), {"machine": {"cores": "2"}, "versions": {"stormcell": "0.1.0"}})


def changed(**parts):
    return json.dumps({**GOOD, **parts})


BAD = {
    "no JSON": ("{", "is no JSON"),
    "no object": ("[1]", "has no schema number"),
    "too old": (json.dumps({"machine": {}, "speed": {}}), "has no schema number: too old"),
    "too new": (changed(schema=SCHEMA + 1), f"is of schema {SCHEMA + 1}, and this version compares schema {SCHEMA}"),
    "other parts": (json.dumps({"schema": SCHEMA, "speed": {}}), "no costs"),
    "no costs": (changed(costs=[]), "costs: "),
    "an unknown key": (changed(costs={**GOOD["costs"], "more": 1}), "costs.more"),
    "words for numbers": (
        changed(costs={**GOOD["costs"], "memory_copy": {"wall": ["fast"], "processor": [1]}}),
        "costs.memory_copy.wall.0",
    ),
    "no number": (changed(costs=costs(classic(seconds={"read": samples(float("nan"))})).plain()), "finite"),
    "no rates": (changed(costs=costs(copy=samples()).plain()), "one at least of each"),
    "below zero": (changed(costs=costs(classic(seconds={"read": samples(-1.0)})).plain()), "times of 0 or more"),
    "standing still": (changed(costs=costs(product=samples(0.0)).plain()), "rates above 0"),
    "twice": (changed(costs=costs(classic(), classic()).plain()), "stands there twice"),
    "deep": ("[" * 100_000, "is no JSON"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_told_of(case, tmp_path):
    text, message = BAD[case]
    path = tmp_path / "costs.json"
    path.write_text(text)
    with pytest.raises(ReadError, match=message) as error:
        read_costs(path)
    assert str(error.value).startswith(str(path))


def test_a_file_that_is_not_there_or_too_large(tmp_path, monkeypatch):
    with pytest.raises(ReadError, match="cannot be read"):
        read_costs(tmp_path / "nowhere.json")
    monkeypatch.setattr(record, "_MAX_BYTES", 3)
    (tmp_path / "large.json").write_text("[1, 2]")
    with pytest.raises(ReadError, match="larger than"):
        read_costs(tmp_path / "large.json")
