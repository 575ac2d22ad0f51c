import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import FramesError
from stormcell.verification.fss import FSS
from tests.verification.cases import NAN, case, rain, values


def by_definition(said, seen, known, threshold, window):
    """Window by window, as the docstring says it."""
    half = window // 2
    differences = squares = 0.0
    for y, x in np.argwhere(known):
        part = (slice(max(0, y - half), y + half + 1), slice(max(0, x - half), x + half + 1))
        pf, po = ((field[part][known[part]] >= threshold).mean() for field in (said, seen))
        differences += (pf - po) ** 2
        squares += pf**2 + po**2
    return 1 - differences / squares if squares else NAN


def test_by_hand():
    got = FSS((1.0,), (1, 3)).value(FSS((1.0,), (1, 3)).sums(*case([0.0, 2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0])))["fss"]
    # in windows of 3: Pf = 1/2 1/3 1/3 0 0, Po = 0 1/3 1/3 1/3 0; the first window holds two pixels, as there is nothing to its left
    assert got.dims == ("lead_time", "threshold", "window")
    assert got.values.squeeze() == pytest.approx([0, 1 - (1 / 4 + 1 / 9) / (1 / 4 + 5 / 9)], rel=1e-6)


DEGENERATE = {
    "perfect": ([2.0, 0.0, 0.0], [2.0, 0.0, 0.0], 1.0),
    "at the threshold is an event in both": ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0], 1.0),
    "no events at all": ([0.5, 0.0, 0.0], [0.0, 0.5, 0.0], NAN),
    "events in one only": ([2.0, 0.0, 0.0], [0.0, 0.0, 0.0], 0.0),
    "rain everywhere": ([2.0, 2.0, 2.0], [3.0, 3.0, 3.0], 1.0),
    "nothing known": ([NAN, NAN, NAN], [2.0, 2.0, 2.0], NAN),
    "a gap is not there: the only other pixel is right": ([2.0, NAN, NAN], [2.0, 2.0, 2.0], 1.0),
}


@pytest.mark.parametrize("window", [1, 3, 9])
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name, window):
    forecast, observed, expected = DEGENERATE[name]
    assert values(FSS((1.0,), (window,)), forecast, observed, threshold=1.0, window=window)["fss"] == pytest.approx(expected, nan_ok=True)


@given(st.integers(0, 10**6), st.sampled_from([1, 3, 5, 9, 31]), st.floats(0, 1))
def test_masks_and_borders_are_as_the_definition_says(seed, window, share):
    said, seen = rain(seed, (1, 8, 11)), rain(seed + 1, (1, 8, 11))
    known = np.random.default_rng(seed).random((1, 8, 11)) < share
    score = FSS((0.5, 2.0), (window,))
    got = score.value(score.sums(*case(said, seen, known)))["fss"].squeeze().values
    expected = [by_definition(said[0], seen[0], known[0], threshold, window) for threshold in score.thresholds]
    assert got == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)


def test_a_window_beyond_the_grid_compares_the_cover_of_the_whole():
    said, seen = rain(1, (1, 8, 11)), rain(2, (1, 8, 11))
    a, b = ((field >= 1).mean() for field in (said, seen))
    assert values(FSS((1.0,), (31,)), said, seen, threshold=1.0, window=31)["fss"] == pytest.approx(
        1 - (a - b) ** 2 / (a**2 + b**2), rel=1e-5
    )


def test_the_score_rises_with_the_window_for_rain_in_the_wrong_place():
    seen = np.zeros((40, 40))
    seen[18:22, 18:22] = 5
    score = FSS((1.0,), (1, 3, 9, 17, 33))
    got = score.value(score.sums(*case(np.roll(seen, 5, axis=1), seen)))["fss"].squeeze().values
    assert got[0] == 0 and (np.diff(got) > 0).all() and got[-1] > 0.8


@pytest.mark.parametrize("bad", [(), (2,), (0,), (-1,), (3, 1), (3, 3)])
def test_windows_are_odd_and_rising(bad):
    with pytest.raises(FramesError, match="odd windows"):
        FSS((1.0,), bad)


def away_from_the_border(seed: int) -> np.ndarray:
    field = np.zeros((48, 50), np.float32)
    field[12:-12, 12:-12] = rain(seed, (1, 24, 26))[0]
    return field


@pytest.mark.parametrize("window", [1, 3, 9, 13])
def test_twins_agree_where_no_rain_is_near_the_border(window, capsys):
    said, seen = away_from_the_border(1), away_from_the_border(2)
    got = values(FSS((1.0,), (window,)), said, seen, threshold=1.0, window=window)["fss"]
    assert got > 0
    pysteps = pytest.importorskip("pysteps.verification.spatialscores", reason="pysteps is not installed")
    assert got == pytest.approx(pysteps.fss(said, seen, 1.0, window), rel=1e-5)
    package = pytest.importorskip("scores.spatial", reason="scores is not installed")
    theirs = package.fss_2d_single_field(said, seen, event_threshold=1.0, window_size=(window, window), zero_padding=True)
    assert got == pytest.approx(theirs, rel=1e-5)


def test_pysteps_takes_missing_for_dry(capsys):
    """What no radar saw is, there, a forecast of rain gone wrong."""
    theirs = pytest.importorskip("pysteps.verification.spatialscores", reason="pysteps is not installed")
    said, seen = np.array([[2.0, 2.0]]), np.array([[2.0, NAN]])
    assert theirs.fss(said, seen, 1.0, 1) == pytest.approx(2 / 3)
    assert values(FSS((1.0,), (1,)), said, seen, threshold=1.0, window=1)["fss"] == 1
