"""The stretch with the most rain is whole, and without test data there is a storm all the same."""

import numpy as np

from stormcell.lab.radar import storms, wettest
from tests.conftest import frames_of


def test_the_wettest_stretch_has_no_gap():
    values = np.zeros((10, 2, 2), np.float32)
    values[2:5], values[7:9], values[3] = 5, 1, np.nan
    assert wettest(frames_of(values), 3)["time"].values[0] == frames_of(values)["time"].values[6]
    assert np.isfinite(wettest(frames_of(values), 3).values).all()


def test_without_data_the_storm_of_the_demo(monkeypatch, tmp_path):
    monkeypatch.setenv("STORMCELL_TEST_DATA", str(tmp_path))
    ((what, frames),) = storms(5).items()
    assert "synthetic" in what and frames.sizes["time"] == 5
