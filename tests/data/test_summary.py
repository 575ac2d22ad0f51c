import json

import numpy as np
import pytest

from stormcell.data.summary import summarise
from stormcell.errors import FramesError
from tests.data import radar_files as make


def test_a_summary_by_hand(tmp_path):
    # twelve pixels each: one wet at 1 mm/h or more, ... see radar_files.odim: 2 missing of 12, dBZ 0, 23, 10, 15, 20 and five dry
    for minute in (0, 5, 15):
        make.odim(tmp_path / f"{minute:02d}.h5", clock=f"12{minute:02d}00")
    summary = summarise(tmp_path)
    assert (summary.files, summary.scans, summary.step_minutes) == (3, 3, 5.0)
    assert summary.formats == {"odim": 3}
    assert (summary.first, summary.last) == ("2024-07-01T12:00:00Z", "2024-07-01T12:15:00Z")
    assert summary.missing_scans == ["2024-07-01T12:10:00Z"]
    assert summary.missing_share == pytest.approx(2 / 12)
    assert summary.wet_share == pytest.approx(4 / 10)  # 10, 15, 20 and 23 dBZ are at or above 0.1 mm/h, 0 dBZ is not
    assert summary.largest_rain_rate == pytest.approx(1.0, abs=0.01)
    assert (summary.rows, summary.columns, summary.pixel_km) == (3, 4, 1.0)
    assert json.loads(json.dumps(summary.as_dict()))["quantity"] == "DBZH"


def test_one_file_has_no_step(tmp_path):
    assert summarise(make.odim(tmp_path / "a.h5")).step_minutes is None


def test_mixed_grids(tmp_path):
    make.odim(tmp_path / "a.h5")
    make.odim(tmp_path / "b.h5", np.zeros((2, 4), np.uint8), where={"ysize": 2}, clock="120500")
    with pytest.raises(FramesError, match=r"mixed grids: .*b\.h5"):
        summarise(tmp_path)
