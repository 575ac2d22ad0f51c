import numpy as np
import pytest

from stormcell.errors import FramesError
from stormcell.verification.spectrum import Spectrum
from tests.verification.cases import NAN, case, rain


def value(*of, window="none"):
    score = Spectrum(window)
    return score.value(score.sums(*case(*of))).isel(lead_time=0)


def wave(cycles_y, cycles_x, shape=(32, 32)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return 2 + np.cos(2 * np.pi * (cycles_y * y / shape[0] + cycles_x * x / shape[1]))


def test_a_wave_has_its_power_at_its_wavelength():
    got = value(wave(0, 4), wave(3, 4))
    assert got["wavelength"].values[:5].tolist() == pytest.approx([32, 16, 32 / 3, 8, 6.4], abs=1e-6)
    assert got["wavelength"].attrs["units"] == "km" and got["wavelength"].size == 15
    # a cosine is two numbers of n / 2, squared over n; its ring holds as many numbers as lie at its distance
    f = np.hypot(*np.meshgrid(*[np.fft.fftfreq(32, 1 / 32)] * 2)).round()
    n = 32 * 32
    assert got["forecast_power"].values == pytest.approx(np.eye(15)[3] * 2 * n / 4 / (f == 4).sum(), abs=1e-4)
    assert got["observed_power"].values == pytest.approx(np.eye(15)[4] * 2 * n / 4 / (f == 5).sum(), abs=1e-4)


def test_on_a_grid_that_is_not_square_a_ring_is_one_wavelength():
    """8 pixels are 4 cycles in 32 and 8 cycles in 64: the same ring."""
    along_y, along_x = value(wave(4, 0, (32, 64)), wave(0, 8, (32, 64)))[["forecast_power", "observed_power"]].values()
    assert along_y.argmax("wavelength") == along_x.argmax("wavelength") and along_y["wavelength"][along_y.argmax("wavelength")] == 8
    np.testing.assert_allclose(along_y, along_x, atol=1e-3)


@pytest.mark.parametrize("shape", [(16, 16), (15, 15), (16, 15), (15, 16), (3, 2), (1, 9)])
def test_rings_hold_all_the_power_within_them(shape):
    field = rain(1, (1, *shape))[0] + 1
    full = abs(np.fft.fft2(field.astype(np.float64))) ** 2 / field.size
    side = max(shape)
    ring = np.hypot(*np.meshgrid(*(np.fft.fftfreq(size) * side for size in shape), indexing="ij")).round()
    expected = [full[ring == k].mean() for k in range(1, (side + 1) // 2)]
    assert value(field, field)["observed_power"].values == pytest.approx(expected, rel=1e-4)


def test_distance_by_hand():
    seen = rain(1)[0]
    assert value(seen, seen)["log_spectral_distance"].item() == 0
    assert value(10 * seen, seen)["log_spectral_distance"].item() == pytest.approx(20)  # 100 times the power at all wavelengths
    assert value(seen / 10, seen)["log_spectral_distance"].item() == pytest.approx(20)


def test_spectra_are_added_before_they_are_compared():
    score, a, b = Spectrum(), rain(1)[:1], rain(2)[:1]
    swapped = score.value(score.sums(*case(a, b)) + score.sums(*case(b, a)))
    assert swapped["log_spectral_distance"].item() == pytest.approx(0, abs=1e-9)
    alone = [value(field, field)["forecast_power"].values for field in (a, b)]
    np.testing.assert_allclose(swapped["forecast_power"][0], np.mean(alone, axis=0))


def test_an_ensemble_is_as_sharp_as_its_members():
    a, b, seen = rain(1)[:1], rain(2)[:1], rain(3)[:1]
    both = value(np.stack([a, b]), seen)["forecast_power"].values
    alone = [value(member, seen)["forecast_power"].values for member in (a, b)]
    assert both == pytest.approx((alone[0] + alone[1]) / 2)
    assert (value((a + b) / 2, seen)["forecast_power"].values < both).all()


DEGENERATE = {
    "both dry": (np.zeros((8, 8)), np.zeros((8, 8))),
    "a dry forecast": (np.zeros((8, 8)), rain(1, (1, 8, 8))[0]),
    "a dry observation": (rain(1, (1, 8, 8))[0], np.zeros((8, 8))),
    "the same everywhere": (np.ones((8, 8)), np.ones((8, 8))),
    "nothing known": (np.full((8, 8), NAN), rain(1, (1, 8, 8))[0]),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name):
    got = value(*DEGENERATE[name])
    assert np.isnan(got["log_spectral_distance"])
    assert np.isnan(got["forecast_power"]).all() == (name == "nothing known")


def test_a_window_takes_the_edges_away():
    """Half a wave more on one side than on the other: a jump at the edge, which spreads over all wavelengths."""
    edge = wave(0, 3.5)
    plain, tapered = (value(edge, edge, window=window)["observed_power"].values for window in ("none", "hann"))
    assert tapered[10:].max() < 1e-2 * plain[10:].min()


def test_pixels_without_a_place_on_earth():
    forecast, observed, valid = case(rain(1), rain(2))
    sums = Spectrum().sums(*(part.drop_vars("spatial_ref") for part in (forecast, observed, valid)))
    assert sums["wavelength"].attrs["units"] == "pixels" and sums["wavelength"][0] == 30


def test_what_cannot_be_done_is_said():
    with pytest.raises(FramesError, match="'none' or 'hann', got 'tukey'"):
        Spectrum("tukey")
    with pytest.raises(FramesError, match="3 pixels or more"):
        Spectrum().sums(*case([[1.0, 2.0]], [[1.0, 2.0]]))


@pytest.fixture
def rapsd(capsys):
    return pytest.importorskip("pysteps.utils.spectral", reason="pysteps is not installed").rapsd


@pytest.mark.parametrize("side", [32, 33])
def test_twin_of_pysteps_on_a_square(rapsd, side):
    seen = rain(1, (1, side, side))[0]
    got = value(seen, seen)["observed_power"].values
    assert got == pytest.approx(rapsd(seen.astype(np.float64), np.fft)[1:], rel=1e-4)


def test_pysteps_mixes_wavelengths_on_a_grid_that_is_not_square(rapsd):
    """The same wave of 8 pixels along either axis lies, there, in rings 4 and 8."""
    along_y, along_x = (rapsd(field, np.fft)[1:].argmax() + 1 for field in (wave(4, 0, (32, 64)), wave(0, 8, (32, 64))))
    assert (along_y, along_x) == (4, 8)
