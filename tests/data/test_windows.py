import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from stormcell.data.windows import Windows, find_windows, split_windows
from stormcell.errors import FramesError, UnitsError
from tests.data.fake_archive import FakeArchive

HOUR = np.timedelta64(1, "h")


def archive_of(wet: list[float | None]) -> FakeArchive:
    """An archive of 1 x 10 pixels whose slots have this share of them wet; None is a gap."""
    rows = [[np.nan] * 10 if share is None else [1.0] * round(share * 10) + [0.0] * (10 - round(share * 10)) for share in wet]
    return FakeArchive(np.array(rows, np.float32)[:, np.newaxis])


def test_windows_by_hand():
    windows = find_windows(archive_of([0.0, 0.2, 0.4, None, 0.0, 0.1, 0.2, 0.6]), 3)
    np.testing.assert_array_equal(windows.starts, [0, 4, 5])
    np.testing.assert_allclose(windows.cover, [0.2, 0.1, 0.3], rtol=1e-6)
    assert (len(windows), windows.length) == (3, 3)


def test_a_scan_that_saw_nothing_counts_as_dry():
    archive = FakeArchive(np.array([[[1.0]], [[np.nan]]], np.float32), present=np.array([True, True]))
    assert np.isnan(archive.wet_share[1])
    np.testing.assert_array_equal(find_windows(archive, 2).cover, [0.5])


def test_stride_counts_from_the_window_kept_before_and_after_the_filter():
    archive = archive_of([0.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5, None, 0.5, 0.5])
    np.testing.assert_array_equal(find_windows(archive, 2, stride=2).starts, [0, 2, 4, 8])
    np.testing.assert_array_equal(find_windows(archive, 2, stride=2, cover_above=0.03).starts, [1, 3, 5, 8])
    np.testing.assert_array_equal(find_windows(archive, 2, cover_above=0.25).starts, [2, 3, 4, 5, 8])  # above, not at


def test_only_whole_windows_are_found():
    with pytest.raises(FramesError, match="no 3 scans in a row among 4 in 5 slots"):
        find_windows(archive_of([0.0, 0.0, None, 0.0, 0.0]), 3)
    with pytest.raises(FramesError, match="no 9 scans in a row"):
        find_windows(archive_of([0.0] * 5), 9)
    with pytest.raises(FramesError, match="4 of them whole, and none with a mean cover above 0.5"):
        find_windows(archive_of([0.5] * 5), 2, cover_above=0.5)
    with pytest.raises(FramesError, match="1 or more"):
        find_windows(archive_of([0.0]), 0)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 6), st.integers(1, 8))
def test_every_window_is_whole_and_none_is_missed(present, length, stride):
    archive = archive_of([0.1 if there else None for there in present])
    whole = [start for start in range(len(present) - length + 1) if all(present[start : start + length])]
    if not whole:
        with pytest.raises(FramesError):
            find_windows(archive, length)
        return
    np.testing.assert_array_equal(find_windows(archive, length).starts, whole)
    spread = find_windows(archive, length, stride=stride).starts
    assert set(spread) <= set(whole) and spread[0] == whole[0] and (np.diff(spread) >= stride).all()
    for start in whole:  # each is kept, or less than a stride after one that is
        assert ((spread <= start) & (start < spread + stride)).any()


def slots_of(windows: Windows) -> np.ndarray:
    return np.unique(windows.starts[:, np.newaxis] + np.arange(windows.length))


@given(
    gaps=st.lists(st.integers(0, 599), max_size=8),
    minutes=st.sampled_from([2, 5, 6, 7, 15]),
    offset=st.integers(0, 100_000),
    length=st.integers(1, 6),
    shares=st.lists(st.integers(1, 3), min_size=2, max_size=3),
    block=st.integers(10, 60),
    guard=st.floats(0, 0.7),
    seed=st.integers(0, 50),
)
def test_no_frame_of_one_part_is_within_the_guard_of_another(gaps, minutes, offset, length, shares, block, guard, seed):
    present = np.ones(600, bool)
    present[gaps] = False
    axis = np.datetime64("2020-02-28T22:01:07", "ns") + np.timedelta64(offset, "s") + np.arange(600) * np.timedelta64(minutes, "m")
    starts = np.array([start for start in range(601 - length) if present[start : start + length].all()])
    named = {f"part {number}": share / sum(shares) for number, share in enumerate(shares)}
    block_span = np.timedelta64(block * minutes, "m")
    guard_span = np.timedelta64(int(guard * block * minutes * 60), "s")
    try:
        split = split_windows(
            Windows(starts, length, np.zeros(starts.size)), axis, shares=named, block=block_span, guard=guard_span, seed=seed
        )
    except FramesError:
        reject()  # too little data for so many parts
    assert list(split) == list(named)
    times = [axis[slots_of(part)] for part in split.values()]
    for one, own in enumerate(times):
        for other in times[:one]:
            assert np.abs(own[:, np.newaxis] - other).min() >= max(guard_span, np.timedelta64(minutes, "m"))


def test_only_windows_near_a_border_between_parts_are_lost():
    days, day, hour = 10, 288, 12
    archive = archive_of([0.0] * (days * day))
    windows = find_windows(archive, 6)
    split = split_windows(windows, archive.axis, shares={"train": 0.7, "validation": 0.3}, guard=2 * HOUR)
    part = np.full(windows.starts.size, "nobody's", "U10")
    for name, own in split.items():
        part[own.starts] = name
    noons = part[day // 2 :: day]
    assert set(noons) == {"train", "validation"}
    borders = 0
    for number in range(1, days):
        midnight = number * day
        near = slice(midnight - hour - 5, midnight + hour)  # every window with a frame from 23:00 to 00:55
        same = noons[number - 1] == noons[number]
        borders += not same
        assert (part[near] == (noons[number] if same else "nobody's")).all()
        assert part[near.start - 1] == noons[number - 1] and part[near.stop] == noons[number]
    assert borders >= 2


def test_shares_are_kept_and_the_seasons_are_shared():
    axis = np.datetime64("2010-01-01", "ns") + np.arange(3650) * np.timedelta64(1, "D")
    windows = Windows(np.arange(3650), 1, np.zeros(3650))
    shares = {"train": 0.8, "validation": 0.1, "test": 0.1}
    split = split_windows(windows, axis, shares=shares, guard=np.timedelta64(0, "h"))
    for name, share in shares.items():
        assert abs(len(split[name]) - share * 3650) <= 4
        months = np.bincount(split[name].starts // 30 % 12, minlength=12)
        assert months.min() > 0.7 * months.mean()
    assert sum(map(len, split.values())) == 3650


def test_a_block_keeps_its_part_when_the_archive_grows():
    archive = archive_of([0.0] * (288 * 30))
    shares = {"train": 0.6, "validation": 0.4}
    long = split_windows(find_windows(archive, 12), archive.axis, shares=shares)
    cut = slice(288 * 7 + 100, 288 * 20 + 50)
    short = split_windows(Windows(np.arange(288 * 12), 12, np.zeros(288 * 12)), archive.axis[cut], shares=shares)
    for name in shares:
        assert set(short[name].starts + cut.start) <= set(long[name].starts)


def test_another_seed_gives_other_blocks():
    archive = archive_of([0.0] * (288 * 30))
    windows = find_windows(archive, 12)
    one, same, other = (split_windows(windows, archive.axis, shares={"a": 0.5, "b": 0.5}, seed=seed)["a"].starts for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_split_that_makes_no_sense_is_refused():
    archive = archive_of([0.0] * 288)
    windows = find_windows(archive, 12)
    with pytest.raises(FramesError, match="sum of 1"):
        split_windows(windows, archive.axis, shares={"train": 0.8, "validation": 0.3})
    with pytest.raises(FramesError, match="positive"):
        split_windows(windows, archive.axis, shares={"train": 1.0, "validation": 0.0})
    with pytest.raises(UnitsError, match="shorter than a block"):
        split_windows(windows, archive.axis, shares={"train": 1.0}, block=HOUR, guard=HOUR)
    with pytest.raises(UnitsError, match="guard of 0 or more"):
        split_windows(windows, archive.axis, shares={"train": 1.0}, guard=-HOUR)
    with pytest.raises(FramesError, match="gets none of 277 windows .* give more data"):
        split_windows(windows, archive.axis, shares={"train": 0.5, "validation": 0.5})  # a single day
