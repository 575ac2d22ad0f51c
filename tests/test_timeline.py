import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import FramesError, UnitsError
from stormcell.frames import make_frames, step_of
from stormcell.timeline import UnevenTimesError, gaps_of, join_frames, minutes, parse_lead_times, regular_times, slots_begin
from tests.conftest import frames_of, stamps

ONES = np.ones((3, 4), np.float32)


def test_late_frames_are_sorted_duplicates_dropped_gaps_explicit(grid):
    parts = [make_frames(ONES * number, stamps(at), grid, source="s") for number, at in ((3, 15), (1, 0), (9, 0), (2, 5))]
    joined = join_frames(parts)
    assert (joined["time"].values == stamps(0, 5, 10, 15)).all()
    assert joined.values[:, 0, 0].tolist()[:2] == [1.0, 2.0] and np.isnan(joined.values[2]).all() and joined.values[3, 0, 0] == 3.0
    assert joined.attrs["gaps"] == 1 == gaps_of(joined) and joined.attrs["source"] == "s"
    assert step_of(joined) == np.timedelta64(5, "m")


def test_missing_and_dry_stay_apart_when_joined(grid):
    image = ONES.copy()
    image[0, 0], image[0, 1] = np.nan, 0.0
    joined = join_frames([make_frames(image, stamps(0), grid), make_frames(image, stamps(5), grid)])
    assert np.isnan(joined.values[:, 0, 0]).all() and (joined.values[:, 0, 1] == 0).all()


def test_mixed_grids_are_refused_by_name(grid):
    other = make_frames(np.ones((2, 4)), stamps(5), grid.crop(slice(0, 2), slice(None)), file="b.h5")
    with pytest.raises(FramesError, match=r"mixed grids.*a\.h5.*b\.h5"):
        join_frames([make_frames(ONES, stamps(0), grid, file="a.h5"), other])


def test_uneven_steps_are_named():
    with pytest.raises(FramesError, match="uneven steps.*12:07"):
        regular_times(stamps(0, 5, 7, 10, 15))


def test_a_little_jitter_is_forgiven():
    assert (regular_times(stamps(0, 5.1, 10, 15)) == stamps(0, 5, 10, 15)).sum() >= 1
    assert regular_times(stamps(0, 5.1, 10, 15)).size == 4


def test_gaps_too_long_for_memory_are_refused():
    big = frames_of(np.zeros((1, 500, 500)))
    apart = big.assign_coords(time=big["time"] + np.timedelta64(400, "D"))
    near = big.assign_coords(time=big["time"] + np.timedelta64(5, "m"))
    with pytest.raises(FramesError, match="one event at a time"):
        join_frames([big, near, apart])


def test_no_frames():
    with pytest.raises(FramesError, match="at least one"):
        join_frames([])
    with pytest.raises(FramesError, match="two frames"):
        step_of(frames_of(np.ones((1, 3, 4))))


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12), st.randoms())
def test_times_come_out_even_whatever_the_order(slots, random):
    shuffled = slots.copy()
    random.shuffle(shuffled)
    try:
        axis = regular_times(stamps(*(5.0 * slot for slot in shuffled)))
    except FramesError:
        return  # no even step in these
    assert axis[0] == stamps(5.0 * min(slots))[0] and axis[-1] == stamps(5.0 * max(slots))[0]
    assert len(set(np.diff(axis))) <= 1


@pytest.mark.parametrize(("text", "count"), [("120min", 24), ("2h", 24), ("1h30min", 18), ("30", 6), ("7min", 1)])
def test_lead_times(text, count):
    leads = parse_lead_times(text, np.timedelta64(5, "m"))
    assert leads.size == count and leads[0] == np.timedelta64(5, "m")


@pytest.mark.parametrize("text", ["soon", "-1h", "0", "3min", "", "nan", "25h", f"{10**16}h", "9" * 400])
def test_lead_times_that_make_no_sense(text):
    with pytest.raises(UnitsError, match="lead time"):
        parse_lead_times(text, np.timedelta64(5, "m"))


def test_no_lead_time_is_after_the_last():
    for last, expected in ((15, [5, 10, 15]), (13, [5, 10]), (5, [5]), (4, [])):
        assert (minutes(5, last, step=5) / np.timedelta64(1, "m")).tolist() == expected
    assert minutes(2.5, 60, step=2.5).size == 24


def test_the_last_scan_keeps_its_time():
    """12:00, 12:55 and 13:55 fit no even step; the last scan must not be moved to make them fit."""
    with pytest.raises(FramesError, match="uneven steps"):
        regular_times(stamps(0, 55, 115))


def test_a_clock_that_is_seconds_off_is_forgiven_over_a_long_series():
    rng = np.random.default_rng(0)
    late = rng.integers(0, 4, 200) / 60
    axis = regular_times(stamps(*(5.0 * np.arange(200) + late)))
    assert axis.size == 200 and np.diff(axis)[0] == np.timedelta64(5, "m")


def test_a_scan_that_comes_twice_is_the_odd_one_however_the_clock_goes():
    seconds = 300.0 * np.arange(30) + np.random.default_rng(0).uniform(0.0, 1.0, 30)
    twice = stamps(*(np.sort([*seconds, seconds[10] + 20.0]) / 60))
    with pytest.raises(UnevenTimesError) as refused:
        regular_times(twice)
    assert refused.value.at == twice[11]
    axis = regular_times(twice[twice != refused.value.at])
    assert axis.size == 30 and np.diff(axis)[0] == np.timedelta64(5, "m")


@pytest.mark.parametrize("slots", [(0, 2, 13), (0, 2, 45), (0, 3, 58)])
def test_a_long_gap_is_not_stretched_to_fit(slots):
    """Ten minutes and fifty-five have no step of nine in common, however little each scan would be off."""
    with pytest.raises(FramesError, match="uneven steps"):
        regular_times(stamps(*(5.0 * slot for slot in slots)))


def test_one_late_scan_makes_no_odd_step():
    for late in ((0, 0, 0, 20), (0, 0, 12, 0), (0, 3, 29, 2)):
        axis = regular_times(stamps(*(5.0 * np.arange(4) + np.array(late) / 60)))
        assert axis.size == 4 and np.diff(axis)[0] == np.timedelta64(5, "m")


def test_an_odd_step_is_an_odd_step():
    axis = regular_times(stamps(*(302 / 60 * np.arange(50))))
    assert axis.size == 50 and np.diff(axis)[0] == np.timedelta64(302, "s")
    with_gap = regular_times(stamps(*(302 / 60 * np.array([0, 1, 2, 60, 61, 100]))))
    assert with_gap.size == 101 and np.diff(with_gap)[0] == np.timedelta64(302, "s")


@given(st.integers(1, 30).map(lambda n: n * 30), st.sets(st.integers(0, 80), min_size=2, max_size=20))
def test_every_scan_keeps_its_place_within_half_a_minute(step, slots):
    times = stamps(*(step / 60 * slot for slot in slots))
    try:
        axis = regular_times(times)
    except FramesError:
        return
    assert axis[-1] == times.max()
    assert max(np.abs(axis - time).min() for time in times) <= np.timedelta64(30, "s")


def test_gaps_in_a_long_series_keep_the_step():
    kept = [slot for slot in range(60) if slot % 7 and slot not in (20, 21, 22)]
    axis = regular_times(stamps(*(5.0 * slot for slot in kept)))
    assert np.diff(axis)[0] == np.timedelta64(5, "m") and axis.size == kept[-1] - kept[0] + 1


def seconds(*values: float) -> np.ndarray:
    return stamps(*(np.array(values) / 60))


@pytest.mark.parametrize("last", [-25, 0, 25], ids=["early", "on time", "late"])
def test_one_scan_does_not_set_the_clock_of_all(last):
    """Each is within half a minute of the clock, but not of the last scan."""
    late = np.array([25, -20, 0, 10, -25, last])
    axis = regular_times(seconds(*(300.0 * np.arange(6) + late)))
    assert axis.size == 6 and np.diff(axis)[0] == np.timedelta64(5, "m")
    assert np.abs((axis - stamps(*(5 * np.arange(6)))) / np.timedelta64(1, "s")).max() <= 25


def test_two_scans_tell_a_step_of_minutes_although_their_clocks_jitter():
    for first, second in ((3, 301), (0, 310), (12, 299)):
        assert np.diff(regular_times(seconds(first, second))) == np.timedelta64(5, "m")
    assert np.diff(regular_times(seconds(0, 150))) == np.timedelta64(150, "s"), "two and a half minutes are a step"


def test_jitter_makes_no_odd_step_and_drift_does():
    late = np.random.default_rng(0).uniform(-28, 28, 20)
    assert np.diff(regular_times(seconds(*(300 * np.arange(20) + late))))[0] == np.timedelta64(300, "s")
    assert np.diff(regular_times(seconds(*(302 * np.arange(20) + late / 28))))[0] == np.timedelta64(302, "s")


@pytest.mark.parametrize(("first", "step", "begin"), [
    (3, 300, 0), (-9, 300, 0), (15, 300, 0), (20, 300, 20), (7, 120, 7), (5, 120, 0), (5, 150, 5), (60, 300, 60), (0, 300, 0),
])  # fmt: skip
def test_slots_begin_at_full_minutes_where_that_is_meant(first, step, begin):
    assert slots_begin(seconds(first, first + step)) == seconds(begin)[0]
    assert slots_begin(seconds(first)) == seconds(first)[0], "one scan tells no step"
