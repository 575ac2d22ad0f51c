"""Rain fields whose motion is known: a real one where this machine has it, else one with the power spectrum of rain."""

import numpy as np
from PIL import Image

from stormcell.motion import advect


def power_law_rain(shape=(320, 340), *, slope=2.4, seed=5):
    """Gaussian noise with a spectrum falling by k^-slope, the wettest fifth of it made rain: lognormal rates up to some 60 mm/h."""
    noise = np.fft.rfft2(np.random.default_rng(seed).standard_normal(shape))
    k = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None])
    k[0, 0] = np.inf
    smooth = np.fft.irfft2(noise * k ** (-slope / 2), shape)
    standard = (smooth - smooth.mean()) / smooth.std()
    return np.where(standard > 0.8, 10 ** (1.2 * (standard - 0.8)) * 0.5, 0).astype(np.float32)


def real_rain(folder):
    """A MeteoSwiss composite of a summer storm, what was not seen made dry [mm/h], 640 x 710 pixels of 1 km."""
    (path,) = sorted((folder / "events" / "meteoswiss_2015-05-15").glob("*.gif"))[12:13]
    with Image.open(path) as image:
        index = np.asarray(image).astype(np.float32)
    rain = 12 * (10 ** ((index - 71.5) / 20) / 316) ** (1 / 1.5)
    return np.where((index >= 2) & (index <= 250), rain, 0).astype(np.float32)


def moved(rain, motion, frames=4):
    """Past frames in which this rain moves steadily; what comes in from outside is dry."""
    later = advect(rain, motion, range(1, frames))
    return np.nan_to_num(np.concatenate([rain[None], later]))


def translation(shape, x, y):
    return np.stack([np.full(shape, x, np.float32), np.full(shape, y, np.float32)])


def rotation(shape, fastest):
    """Solid rotation about the middle, `fastest` pixels per step at the middle of the longer edges."""
    rows, columns = shape
    row, column = np.mgrid[:rows, :columns].astype(np.float32)
    rate = np.float32(fastest / (max(shape) / 2))
    return np.stack([-rate * (row - (rows - 1) / 2), rate * (column - (columns - 1) / 2)])


def shear(shape, fastest):
    """Eastward motion that grows from -fastest in the north to +fastest in the south, and 1 pixel per step to the south."""
    rows, columns = shape
    row = np.linspace(-fastest, fastest, rows, dtype=np.float32)[:, None]
    return np.stack([np.broadcast_to(row, shape), np.ones(shape, np.float32)]).astype(np.float32)
