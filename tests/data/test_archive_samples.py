import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.data.archive import Archive
from stormcell.data.archive_samples import ArchiveSamples
from stormcell.data.coarse_graining import coarse_grain
from stormcell.data.windows import Windows, find_windows
from stormcell.errors import FramesError
from stormcell.frames import grid_of, step_of
from tests.conftest import frames_of
from tests.data.fake_archive import FakeArchive, rain

PLAIN = {"flips": False, "quarter_turns": False}


def archive_of(steps: int = 60, side: int = 12) -> FakeArchive:
    values = rain(steps, side, side)
    values[20:23] = np.nan
    values[:, 0, 0] = np.nan
    return FakeArchive(values)


def test_windows_are_drawn_with_the_probability_that_is_told():
    values = np.zeros((6, 10, 10), np.float32)
    values[2, :1], values[3, :2], values[4] = 1.0, 1.0, 1.0
    archive = FakeArchive(values)  # cover 0, 0, .1, .2, 1, 0: weights .01, .01, .11, .21, .26, .01, their sum .61
    samples = ArchiveSamples(archive, find_windows(archive, 1), **PLAIN)
    batch = samples.batch(0, 4000)
    cover = (batch.values > 0).mean(axis=(1, 2, 3))
    for share, probability, count in ((0.0, 0.01, 3), (0.1, 0.11, 1), (0.2, 0.21, 1), (1.0, 0.26, 1)):
        drawn = np.isclose(cover, share)
        np.testing.assert_allclose(batch.probability[drawn], probability / 0.61)
        expected = count * probability / 0.61
        assert abs(drawn.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / 4000)


def test_a_cap_of_zero_draws_all_alike():
    archive = archive_of()
    samples = ArchiveSamples(archive, find_windows(archive, 5), cover_cap=0.0)
    np.testing.assert_allclose(samples.batch(0, 50).probability, 1 / len(samples))


def test_weights_undo_the_choice_of_windows_and_of_crops():
    """The mean rain of 3x3 crops of single frames, over all windows and places, from samples that prefer the wet ones."""
    values = np.zeros((8, 7, 7), np.float32)
    values[2, 2:4, 1:5], values[5, 4, 4], values[6, :5] = 2.0, 8.0, 1.0
    archive = FakeArchive(values)
    samples = ArchiveSamples(archive, find_windows(archive, 1), size=3, candidates=3, cover_cap=1.0, **PLAIN)
    exact = np.mean([values[:, top : top + 3, left : left + 3].mean() for top in range(5) for left in range(5)])
    batch = samples.batch(0, 6000)
    means = batch.values.mean(axis=(1, 2, 3))
    weighted = means / (len(samples) * batch.probability)
    error = weighted.std() / np.sqrt(weighted.size)
    assert abs(weighted.mean() - exact) < 3.5 * error and error < 0.05 * exact
    assert means.mean() > 2.0 * exact  # they do prefer them


def test_more_candidates_find_rain_in_a_corner():
    values = np.zeros((1, 7, 7), np.float32)
    values[0, 5:, 5:] = 1.0  # in 4 of the 25 crops of 3x3
    archive = FakeArchive(values)
    for candidates, expected in ((1, 0.16), (3, 0.37)):  # at most 1 - 0.84^3 = 0.41: dry ones are taken now and then
        samples = ArchiveSamples(archive, find_windows(archive, 1), size=3, candidates=candidates, **PLAIN)
        assert (samples.batch(0, 3000).values > 0).any(axis=(1, 2, 3)).mean() == pytest.approx(expected, abs=0.03)


@given(st.integers(0, 30), st.integers(1, 4), st.integers(1, 4))
def test_batches_are_cut_from_one_series(number, size, parts):
    archive = archive_of()
    samples = ArchiveSamples(archive, find_windows(archive, 4), size=5, scales=(1, 2), seed=3)
    whole = samples.batch(number, size * parts)
    shares = [samples.batch(number * parts + part, size) for part in range(parts)]
    np.testing.assert_array_equal(np.concatenate([share.values for share in shares]), whole.values)
    np.testing.assert_array_equal(np.concatenate([share.probability for share in shares]), whole.probability)


_DIGEST = """
import hashlib
from stormcell.data.archive import Archive
from stormcell.data.archive_samples import ArchiveSamples
from stormcell.data.windows import find_windows
from tests.data.fake_archive import FakeArchive, rain
archive = FakeArchive(rain(40, 12, 12))
samples = ArchiveSamples(archive, find_windows(archive, 5), size=5, scales=(1, 2), time_reversal=True, seed=7)
values, probability = samples.batch(11, 6)
print(samples.fingerprint, hashlib.sha256(values.tobytes() + probability.tobytes()).hexdigest())
"""


def test_another_process_draws_the_same(capsys):
    exec(_DIGEST, {})
    here = capsys.readouterr().out
    assert subprocess.run([sys.executable, "-c", _DIGEST], check=True, capture_output=True, text=True).stdout == here


@pytest.mark.parametrize("scales", [(1,), (2, 1), (3,)])
def test_memory_changes_nothing_but_time(scales):
    archive = archive_of()
    windows = find_windows(archive, 4)
    held = ArchiveSamples(archive, windows, size=4, scales=scales)
    archive.reads.clear()
    first = held.batch(0, 6)
    assert archive.reads == []
    read = ArchiveSamples(archive, windows, size=4, scales=scales, cache_megabytes=0)
    assert archive.reads == [] and read.fingerprint == held.fingerprint
    again = read.batch(0, 6)
    assert archive.reads != []
    np.testing.assert_array_equal(again.values, first.values)
    np.testing.assert_array_equal(again.probability, first.probability)
    for one, other in zip(held.sweep(9), read.sweep(9), strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_only_frames_of_windows_are_read_and_held():
    archive = archive_of()
    ArchiveSamples(archive, Windows(np.array([3, 5, 30]), 4, np.zeros(3)))
    assert archive.reads == [(3, 9), (30, 34)]


def test_a_sweep_of_whole_frames_is_the_windows_in_order():
    archive = archive_of()
    windows = find_windows(archive, 4, stride=4)
    samples = ArchiveSamples(archive, windows, **PLAIN)
    swept = np.concatenate([batch.values for batch in samples.sweep(5)])
    np.testing.assert_array_equal(swept, [archive.values[start : start + 4] for start in windows.starts])
    augmented = ArchiveSamples(archive, windows, time_reversal=True)
    np.testing.assert_array_equal(np.concatenate([batch.values for batch in augmented.sweep(5)]), swept)


def test_crops_lie_anywhere_at_every_scale():
    """Pixels that say where they are: row + 64 x column, exact in half precision, as are means over blocks."""
    rows, columns = np.mgrid[0:9, 0:11]
    values = np.repeat((rows + 64.0 * columns)[np.newaxis], 3, axis=0)
    archive = FakeArchive(values)
    for scale, places in ((1, 7 * 9), (2, 2 * 3), (3, 1 * 1)):
        samples = ArchiveSamples(archive, find_windows(archive, 3), size=3, scales=(scale,), **PLAIN)
        assert samples.shape == (3, 3)
        coarse = coarse_grain(archive.values, scale)
        expected = {coarse[:, top : top + 3, left : left + 3].tobytes() for top in range(9 // scale - 2) for left in range(11 // scale - 2)}
        assert len(expected) == places
        assert {window.tobytes() for window in samples.batch(0, 600).values} == expected


def test_all_turns_flips_and_directions_come_and_nothing_else():
    values = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
    archive = FakeArchive(values)
    windows = find_windows(archive, 2)

    def seen(**settings) -> set[bytes]:
        return {window.tobytes() for window in ArchiveSamples(archive, windows, **settings).batch(0, 300).values}

    flips = {image[:, ::up, ::across].tobytes() for up in (1, -1) for across in (1, -1) for image in (values,)}
    turns = {np.rot90(values, quarter, axes=(1, 2)).tobytes() for quarter in range(4)}
    group = {np.rot90(image, quarter, axes=(1, 2)).tobytes() for image in (values, values[:, ::-1]) for quarter in range(4)}
    assert seen(**PLAIN) == {values.tobytes()}
    assert seen(flips=True, quarter_turns=False) == flips and len(flips) == 4
    assert seen(flips=False, quarter_turns=True) == turns and len(turns) == 4
    assert seen() == group and len(group) == 8
    assert seen(time_reversal=True, **PLAIN) == {values.tobytes(), values[::-1].tobytes()}


def test_not_seen_stays_not_seen():
    archive = archive_of()
    batch = ArchiveSamples(archive, find_windows(archive, 4), **PLAIN).batch(0, 3)
    assert np.isnan(batch.values[:, :, 0, 0]).all() and np.isnan(batch.values).sum() == 12


def test_rain_rates_are_kept_to_three_digits():
    values = np.geomspace(0.05, 900, 64, dtype=np.float32).reshape(1, 8, 8)
    archive = FakeArchive(values)
    swept = next(ArchiveSamples(archive, find_windows(archive, 1)).sweep(1)).values[0]
    np.testing.assert_allclose(swept, values, rtol=5e-4)


def test_the_fingerprint_tells_data_windows_and_settings():
    archive = archive_of()
    windows = find_windows(archive, 4)
    variants: list[dict[str, object]] = [{}, {"size": 6}, {"size": 6, "scales": (2,)}, {"flips": False}, {"quarter_turns": False}]
    variants += [{"time_reversal": True}, {"cover_cap": 0.2}, {"cover_floor": 0.02}, {"candidates": 2}, {"seed": 1}]
    prints = [ArchiveSamples(archive, windows, **settings).fingerprint for settings in variants]
    prints.append(ArchiveSamples(archive, windows.apart(2)).fingerprint)
    prints.append(ArchiveSamples(archive, find_windows(archive, 5)).fingerprint)
    prints.append(ArchiveSamples(FakeArchive(archive.values, fingerprint="f" * 16), windows).fingerprint)
    assert len(set(prints)) == len(prints)
    assert ArchiveSamples(archive, windows, cache_megabytes=0).fingerprint == prints[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 13}, "do not fit in a grid"),
        ({"size": 5, "scales": (3,)}, "do not fit in a grid"),
        ({"scales": (1, 2)}, "give a size, or one scale"),
        ({"size": 4, "scales": ()}, "expected different scales"),
        ({"size": 4, "scales": (2, 2)}, "expected different scales"),
        ({"size": 0}, "do not fit"),
        ({"cover_floor": 0.0}, "a cover_floor above 0"),
        ({"cover_cap": -0.1}, "expected a cover_cap"),
        ({"candidates": 0}, "1 or more candidates"),
        ({"seed": -1}, "a seed of 0 or more"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    archive = archive_of()
    with pytest.raises(FramesError, match=message):
        ArchiveSamples(archive, find_windows(archive, 4), **settings)


def test_an_archive_on_disk(tmp_path):
    frames = frames_of(rain(30, 9, 9))
    with Archive.create(tmp_path / "radar.zarr", grid_of(frames), step_of(frames), start=frames["time"].values[0]) as archive:
        archive.append(frames.isel(time=slice(0, 12)))
        archive.append(frames.isel(time=slice(14, 30)))
    archive = Archive(tmp_path / "radar.zarr")
    windows = find_windows(archive, 5)
    np.testing.assert_array_equal(windows.starts, [*range(8), *range(14, 26)])
    kept, read = (ArchiveSamples(archive, windows, size=3, scales=(1, 2), cache_megabytes=room) for room in (10, 0))
    np.testing.assert_array_equal(kept.batch(2, 8).values, read.batch(2, 8).values)
    swept = np.concatenate([batch.values for batch in ArchiveSamples(archive, windows).sweep(8)])
    np.testing.assert_array_equal(swept, [frames.values[start : start + 5] for start in windows.starts])


def test_windows_must_be_of_this_archive():
    archive = archive_of()
    for starts in ([], [18], [58], [-1]):
        with pytest.raises(FramesError, match="samples: "):
            ArchiveSamples(archive, Windows(np.array(starts, np.int64), 4, np.zeros(len(starts))))


def test_a_grid_that_is_not_square_cannot_be_turned():
    archive = FakeArchive(rain(9, 4, 6))
    with pytest.raises(FramesError, match="cannot be turned"):
        ArchiveSamples(archive, find_windows(archive, 3))
    assert ArchiveSamples(archive, find_windows(archive, 3), quarter_turns=False, scales=(2,)).batch(0, 2).values.shape == (2, 3, 2, 3)
