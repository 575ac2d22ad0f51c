import numpy as np
import pytest

from stormcell.errors import FramesError
from stormcell.verification.sal import SAL
from tests.verification.cases import NAN, case, rain, values


def field(*cells, shape=(20, 30)):
    """Boxes of rain: (row, column, height, width, rain rate)."""
    made = np.zeros(shape)
    for row, column, height, width, rate in cells:
        made[row : row + height, column : column + width] = rate
    return made


def test_perfect():
    seen = rain(1)[:1]
    assert values(SAL(), seen, seen) == dict.fromkeys(("structure", "amplitude", "location", "structure_abs", "amplitude_abs"), 0.0)


def test_a_shift_is_location_alone():
    seen = field((5, 5, 4, 4, 6.0))
    got = values(SAL(), np.roll(seen, (3, 4), axis=(0, 1)), seen)
    assert got["structure"] == pytest.approx(0) and got["amplitude"] == 0 and got["location"] == pytest.approx(5 / np.hypot(20, 30))


def test_a_factor_is_amplitude_alone():
    seen = field((5, 5, 4, 4, 6.0))
    got = values(SAL(), 3 * seen, seen)
    assert got["amplitude"] == pytest.approx(2 * (3 - 1) / (3 + 1)) and got["structure"] == pytest.approx(0) and got["location"] == 0


def test_the_same_rain_over_a_larger_area_is_structure():
    seen, said = field((5, 5, 4, 4, 8.0)), field((5, 5, 4, 8, 4.0))
    got = values(SAL(), said, seen)
    # scaled volumes R / peak: 16 and 32 pixels
    assert got["structure"] == got["structure_abs"] == pytest.approx(2 * (32 - 16) / (32 + 16)) and got["amplitude"] == 0


def test_two_objects_by_hand():
    said, seen = field((2, 2, 2, 2, 6.0), (2, 12, 2, 4, 3.0)), field((2, 4, 2, 2, 6.0))
    got = values(SAL(), said, seen)
    r, v = np.array([24.0, 24.0]), np.array([24 / 6, 24 / 3])
    volume, volume_seen = (r * v).sum() / r.sum(), 4.0
    assert got["structure"] == pytest.approx(2 * (volume - volume_seen) / (volume + volume_seen))
    assert got["amplitude"] == pytest.approx(2 * (48 - 24) / (48 + 24))
    x, centre = np.array([2.5, 13.5]), 8.0
    d = np.hypot(20, 30)
    assert got["location"] == pytest.approx(abs(centre - 4.5) / d + 2 * (r * abs(x - centre)).sum() / r.sum() / d)


def test_corners_touch():
    """Two boxes that share a corner are one object, so the scatter of objects about the centre is 0."""
    said, seen = field((2, 2, 2, 2, 6.0), (4, 4, 2, 2, 6.0)), field((2, 2, 2, 4, 6.0))
    assert values(SAL(), said, seen)["structure"] == pytest.approx(0)


def test_objects_begin_at_a_share_of_the_quantile():
    seen = field((2, 2, 1, 10, 15.0), (3, 2, 1, 10, 1.0), (4, 2, 1, 10, 0.99))
    got = SAL(quantile=1)._objects(seen.astype(np.float32))  # from 15 / 15 = 1 on
    assert got.rain.tolist() == [160] and got.peak.tolist() == [15] and got.x.tolist() == [6.5]


DRY = np.zeros((20, 30))
WET = field((5, 5, 4, 4, 6.0))
DEGENERATE = {
    "both dry": (DRY, DRY, {}),
    "both below what counts as wet": (0.09 * (WET > 0), 0.05 * (WET > 0), {}),
    "rain that did not come": (WET, DRY, {"amplitude": 2.0, "amplitude_abs": 2.0}),
    "rain that was not said": (DRY, WET, {"amplitude": -2.0, "amplitude_abs": 2.0}),
    "nothing known": (np.full((20, 30), NAN), WET, {}),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name):
    forecast, observed, defined = DEGENERATE[name]
    nothing = dict.fromkeys(("structure", "amplitude", "location", "structure_abs", "amplitude_abs"), NAN)
    assert values(SAL(), forecast, observed) == pytest.approx(nothing | defined, nan_ok=True)


def test_cases_are_averaged_and_those_that_are_not_defined_not_counted():
    score = SAL()
    cases = [(3 * WET, WET), (WET, 3 * WET), (DRY, DRY), (WET, DRY)]
    value = score.value(sum(score.sums(*case(*of)) for of in cases)).isel(lead_time=0)
    assert value["amplitude"].item() == pytest.approx(2 / 3) and value["amplitude_abs"].item() == pytest.approx(4 / 3)
    assert value["structure"].item() == pytest.approx(0) and value["location"].item() == 0


def test_pixels_that_are_not_valid_hold_no_rain():
    hidden = np.ones(WET.shape, bool)
    hidden[:, 20:] = False
    said = WET + field((5, 22, 4, 4, 50.0))
    assert values(SAL(), said, WET, hidden)["amplitude"] == 0


@pytest.mark.parametrize("bad", [{"factor": 0.0}, {"factor": 2.0}, {"quantile": 0.0}, {"quantile": 95.0}, {"wet": 0.0}])
def test_numbers_out_of_range(bad):
    with pytest.raises(FramesError, match="sal: expected"):
        SAL(**bad)


def cell(y, x, peak, width, shape=(100, 120)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    made = peak * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))
    return np.where(made >= 0.1, made, 0).astype(np.float32).astype(np.float64)


@pytest.fixture
def pysteps_sal(capsys):
    pytest.importorskip("skimage", reason="scikit-image is not installed")
    return pytest.importorskip("pysteps.verification.salscores", reason="pysteps is not installed").sal


def test_twin_of_pysteps_on_large_cells_far_apart(pysteps_sal):
    seen = cell(30, 30, 20, 6) + cell(70, 90, 10, 8)
    said = cell(34, 36, 30, 5) + cell(72, 80, 8, 9)
    theirs = pysteps_sal(said, seen, thr_factor=1 / 15)
    got = values(SAL(wet=1e-6), said, seen)  # there, wet is what is above the lowest value of the field
    assert [got["structure"], got["amplitude"], got["location"]] == pytest.approx(theirs, rel=1e-4)


def test_pysteps_drops_small_objects(pysteps_sal):
    """Objects of less than 50 pixels do not exist for it, as it looks for thunderstorms in images of 1 km."""
    seen = cell(50, 60, 20, 6)
    said = seen + cell(15, 15, 20, 1.2)
    assert pysteps_sal(said, seen, thr_factor=1 / 15)[0] == pytest.approx(0, abs=1e-6)
    assert values(SAL(wet=1e-6), said, seen)["structure"] < -0.01
