import numpy as np
import pytest

from stormcell.data.synthetic import Storm, power_law_noise, synthetic_storm
from stormcell.frames import check_frames
from stormcell.timeline import gaps_of


def test_the_storm_is_a_field_like_any_other(storm):
    check_frames(storm)
    assert storm.shape == (10, 128, 128) and gaps_of(storm) == 0
    assert np.isnan(storm.values[:, 0, 0]).all(), "beyond the radar's reach"
    wet = (storm >= 0.1).mean().item()
    assert 0.05 < wet < 0.6 and 20 < storm.max().item() <= 100
    positive = storm.values[storm.values > 0]
    assert positive.min() >= 0.1


def test_same_seed_same_storm():
    first, second, other = (synthetic_storm(2, shape=(48, 64), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.values, second.values)
    assert (first.fillna(-1) != other.fillna(-1)).any()


def test_it_moves_as_it_is_told():
    """With no turn, a frozen texture and cells that hardly grow in a step, the second image is the first, shifted by
    the wind.
    """
    still = Storm(wind=(3.0, -2.0), turn=0.0, lifetime=2e4, memory=1.0)
    images = synthetic_storm(2, shape=(96, 96), storm=still, seed=5).values
    np.testing.assert_allclose(images[1, 20:70, 20:70], images[0, 22:72, 17:67], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("slope", [2.0, 3.0])
def test_noise_has_the_power_law_it_is_asked_for(slope):
    noise = power_law_noise(np.random.default_rng(0), (512, 512), slope)
    assert noise.mean() == pytest.approx(0, abs=1e-4) and noise.std() == pytest.approx(1, abs=1e-4)
    power = np.abs(np.fft.fft2(noise)) ** 2
    wavenumber = np.hypot(*np.meshgrid(np.fft.fftfreq(512), np.fft.fftfreq(512)))
    band = (wavenumber > 0.02) & (wavenumber < 0.3)
    fitted, _ = np.polyfit(np.log(wavenumber[band]), np.log(power[band]), 1)
    assert fitted == pytest.approx(-slope, abs=0.1)
