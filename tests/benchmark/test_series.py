import numpy as np
import pytest
import xarray as xr

from stormcell.benchmark import series as module
from stormcell.benchmark.cases import plan_event
from stormcell.benchmark.series import open_series
from stormcell.data.archive import Archive
from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import FramesError, ReadError, UnitsError
from stormcell.frames import grid_of, step_of
from tests.benchmark.hindcasts import write_event

MINUTE = np.timedelta64(1, "m")


def plan(series, **changes):
    return plan_event(series, **{"past": 2, "lead": "15min", "lead_every": None, "every": "10min", **changes})


def test_each_folder_is_an_event_and_files_are_one(tmp_path):
    for name in ("b", "a"):
        write_event(tmp_path / name, steps=3)
    files = sorted((tmp_path / "a").iterdir())
    assert [one.name for one in open_series([tmp_path / "b", tmp_path / "a"])] == ["a", "b"]
    assert [one.name for one in open_series(str(tmp_path / "*"))] == ["a", "b"]
    together = open_series(files)
    assert [one.name for one in together] == ["a"] and together[0].times.size == 3
    assert together[0].content == open_series(tmp_path / "a")[0].content, "the content does not depend on how it was named"


def test_an_archive_with_other_rain_at_the_same_times_is_other_content(tmp_path):
    contents = []
    for place, factor in (("one", 1.0), ("same", 1.0), ("other", 2.0)):
        storm = synthetic_storm(3, shape=(24, 32))
        storm.values *= np.float32(factor)
        with Archive.create(tmp_path / place / "storm.zarr", grid_of(storm), step_of(storm), start=storm["time"].values[0]) as archive:
            archive.append(storm)
        contents.append(open_series(tmp_path / place / "storm.zarr")[0].content)
    assert contents[0] == contents[1] != contents[2]


def test_events_of_one_name_are_told_apart(tmp_path):
    for city in ("rome", "bern"):
        write_event(tmp_path / city / "radar data", steps=2)
    inputs = [tmp_path / city / "radar data" for city in ("rome", "bern")]
    assert [one.name for one in open_series(inputs)] == ["bern_radar_data", "rome_radar_data"]
    assert [one.name for one in open_series([inputs[0], inputs[0]])] == ["radar_data"], "the same folder twice is one event"
    (tmp_path / "paris").symlink_to(inputs[0])
    assert [one.name for one in open_series([tmp_path / "paris", inputs[1]])] == ["paris", "radar_data"], "a link has its own name"


def test_a_folder_of_events_is_refused_with_a_hint(tmp_path):
    write_event(tmp_path / "events" / "a", steps=3)
    write_event(tmp_path / "events" / "b", steps=3, start="2024-07-02T12:01")
    with pytest.raises(FramesError, match=r"give them one by one: .*events/\*"):
        open_series(tmp_path / "events")
    with pytest.raises(ReadError, match="no such file"):
        open_series(tmp_path / "absent")


def test_a_missing_scan_leaves_out_the_cases_that_need_it(tmp_path):
    files = sorted(write_event(tmp_path / "a", steps=10).iterdir())
    files[5].unlink()  # 12:25
    (series,) = open_series(tmp_path / "a")
    assert series.times.size == 10 and series.present.tolist() == [True] * 5 + [False] + [True] * 4
    event = plan(series, every="5min", lead="10min")
    # Issue times from 12:05 to 12:35; 12:15 and 12:20 verify against 12:25, 12:25 and 12:30 start from it.
    assert [str(time)[11:16] for time in event.issue_times] == ["12:05", "12:10", "12:35"] and event.incomplete == 4


def test_only_scans_of_the_window_are_decoded_and_each_once(tmp_path, monkeypatch):
    write_event(tmp_path / "a", steps=12)
    (series,) = open_series(tmp_path / "a")
    event = plan(series, lead="15min", lead_every="15min", every="10min")
    read, decoded = module.read_scan, []
    monkeypatch.setattr(module, "read_scan", lambda scan, **options: decoded.append(str(scan.times[0])[11:16]) or read(scan, **options))
    module.forget()
    cases = event.cases([0, 1])
    next(cases).read()
    assert decoded == ["12:00", "12:05", "12:20"], "two past frames and one at 15 minutes; none in between"
    next(cases).read()
    assert decoded[3:] == ["12:10", "12:15", "12:30"]
    decoded.clear()
    module.forget()
    for case in plan(series, lead="15min", every="5min").cases([0, 1]):
        case.read()
    assert decoded == ["12:00", "12:05", "12:10", "12:15", "12:20", "12:25"], "what two windows share is decoded once"


def test_a_case_reads_what_the_storm_was(tmp_path):
    storm = synthetic_storm(12, shape=(24, 32), seed=1)
    write_event(tmp_path / "a", steps=12)
    (series,) = open_series(tmp_path / "a")
    event = plan(series, past=3, lead="20min", lead_every="10min")
    (case,) = event.cases([1])
    past, observed = case.read()
    assert str(case.issue_time)[11:16] == "12:20" and grid_of(past).same_as(grid_of(storm))
    np.testing.assert_allclose(past, storm[2:5], rtol=2e-3)
    np.testing.assert_allclose(observed, storm[[6, 8]], rtol=2e-3)
    assert observed.dims == ("lead_time", "y", "x") and (observed["lead_time"] / MINUTE).values.tolist() == [10, 20]
    assert (observed["time"].values == storm["time"].values[[6, 8]]).all()


@pytest.mark.parametrize("engine", ["netcdf", "zarr"])
def test_long_files_and_archives_are_read_in_parts(tmp_path, engine):
    storm = synthetic_storm(12, shape=(24, 32), seed=1)
    storm[6] = np.nan  # there, but nothing was seen
    path = tmp_path / f"storm.{engine}"
    if engine == "netcdf":
        storm.to_netcdf(path, engine="h5netcdf")
    else:
        storm.to_zarr(path, consolidated=False)
    (series,) = open_series(path)
    assert series.name == (tmp_path.name if engine == "netcdf" else "storm.zarr") and series.present.all()
    (case,) = plan(series, past=3, lead="20min", lead_every="10min").cases([1])
    past, observed = case.read()
    xr.testing.assert_equal(past.drop_vars("spatial_ref"), storm[2:5].drop_vars("spatial_ref"))
    np.testing.assert_array_equal(observed, storm[[6, 8]])
    assert np.isnan(observed[0]).all()


def test_scans_a_little_off_the_axis_find_their_place(tmp_path):
    storm = synthetic_storm(8, shape=(24, 32))
    jitter = np.array([0, 9, -8, 5, 0, -9, 7, 0]).astype("timedelta64[s]")
    for index in range(8):
        write_odim(storm[[index]].assign_coords(time=storm["time"].values[[index]] + jitter[index]), tmp_path / "a")
    (series,) = open_series(tmp_path / "a")
    (case,) = plan(series, lead="15min", lead_every="15min").cases([0])
    np.testing.assert_allclose(case.read()[1], storm[[4]], rtol=2e-3)


def test_distances_are_rounded_to_whole_steps(tmp_path):
    write_event(tmp_path / "a", steps=16)
    (series,) = open_series(tmp_path / "a")
    event = plan(series, lead="30min", lead_every="12min", every="12min")
    assert event.leads.tolist() == [2, 5] and np.diff(event.issues).tolist() == [2] * (event.issues.size - 1)
    assert plan(series, every="1min").issues.tolist() == list(range(1, 13)), "one step at least"
    assert plan(series, lead="30min", lead_every="7.5min").leads.tolist() == [2, 3, 4, 6]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"lead": "soon"}, UnitsError, "lead time 'soon'"),
        ({"every": "often"}, UnitsError, "--every 'often' is not understood"),
        ({"lead_every": "2h"}, UnitsError, "--lead-every 2h: expected at most the lead time of 15min"),
        ({"lead": "12h"}, FramesError, "event a: none of its 0 issue times"),
    ],
)
def test_what_cannot_be_planned_is_said(tmp_path, changes, error, says):
    write_event(tmp_path / "a", steps=8)
    (series,) = open_series(tmp_path / "a")
    with pytest.raises(error, match=says):
        plan(series, **changes)


def test_one_scan_is_no_event(tmp_path):
    write_event(tmp_path / "a", steps=1)
    with pytest.raises(FramesError, match="expected two scans or more"):
        plan(open_series(tmp_path / "a")[0])


def test_a_change_of_grid_within_an_event_is_refused(tmp_path):
    write_event(tmp_path / "a", steps=8)
    write_event(tmp_path / "a", steps=8, shape=(30, 32), start="2024-07-01T12:40")
    (series,) = open_series(tmp_path / "a")
    cases = list(plan(series).cases([0, 4]))
    cases[0].read()
    with pytest.raises(FramesError, match="30 x 32 pixels, the event's first scan 24 x 32"):
        cases[1].read()
    module.forget()
