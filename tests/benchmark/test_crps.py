from importlib.util import find_spec

import numpy as np
import pytest

from stormcell.benchmark import crps
from stormcell.verification.crps import CRPS
from tests.verification.cases import case, rain


def test_a_row_for_each_kind_of_field():
    rows = crps.crps_rows(1, grid=(48, 40))
    assert [row["fields"] for row in rows] == ["rain-like", "wet everywhere"]
    assert rows[0]["zeros"] == pytest.approx(0.8, abs=0.01) and rows[1]["zeros"] == 0
    for row in rows:
        assert row["times_sorting"] == pytest.approx(row["sorting_ms"] / row["ours_ms"])
        assert (row["times_pysteps"] is None) == (find_spec("pysteps") is None)


def test_what_is_timed_gives_the_same_number():
    members, observed = rain(1, (24, 30, 31)), rain(2, (30, 31))
    ours = CRPS().value(CRPS().sums(*case(members[:, np.newaxis], observed)))["crps"].item()
    assert crps.crps_by_sorting(members, observed) == pytest.approx(ours, rel=1e-6)


def test_without_pysteps_there_is_no_ratio(monkeypatch):
    monkeypatch.setattr(crps, "find_spec", lambda name: None)
    assert [row["times_pysteps"] for row in crps.crps_rows(1, grid=(32, 32))] == [None, None]
