"""A storm of our own making: cells that move, turn, grow and die, with the power-law texture of real rain.

It ships with the package as a few lines of arithmetic, so that everything can be tried without a file from anywhere; and as its
motion is known exactly, it is also a test of every motion estimator.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import fft

from stormcell.frames import make_frames
from stormcell.grid import Grid

__all__ = ["Storm", "power_law_noise", "synthetic_storm"]

Floats = NDArray[np.float32]

_FLOOR_DBR, _BAND_DBR, _TOP_DBR = -32.0, 1.0, 20.0  # far from any hill, on the band's crest, nowhere exceeded
_TEXTURE_DB = 7.0  # standard deviation of the texture

_LAEA = "+proj=laea +lat_0=55.2 +lon_0=9.8 +x_0=0 +y_0=0 +ellps=WGS84 +units=m"


@dataclass(frozen=True)
class Storm:
    """What the synthetic storm does.

    Attributes:
        wind: steady motion as (east, south) [pixels per step].
        turn: rotation of the whole storm about its moving centre, counter-clockwise seen on the map [degrees per step].
        cells: how many cells are born per ten steps.
        lifetime: mean life of a cell [steps].
        slope: exponent of the texture's power spectrum, power ~ wavenumber^-slope.
        memory: correlation of the texture from one step to the next, in the storm's own frame.
    """

    wind: tuple[float, float] = (2.2, -1.1)
    turn: float = 0.9
    cells: int = 8
    lifetime: float = 45.0
    slope: float = 2.6
    memory: float = 0.995


def synthetic_storm(
    steps: int = 28,
    *,
    shape: tuple[int, int] = (256, 256),
    minutes: float = 5.0,
    start: str = "2024-07-01T12:00",
    storm: Storm | None = None,
    seed: int = 0,
) -> xr.DataArray:
    """Radar images of a storm that never was.

    A broad band of light rain carries cells along its front; each is a Gaussian hill whose height rises and falls once over its life.
    Band and cells are carried by the wind and turn about the storm's centre. Rain is 10^(dBR/10) with dBR = the highest hill at each
    place plus a power-law texture that moves and turns along; below 0.1 mm/h it is dry. Beyond a circle about the radar nothing is seen.

    Args:
        steps: number of images.
        shape: (rows, columns), pixels of 1 km.
        minutes: time between two images.
        start: time of the first image, UTC.
        storm: what it does; the defaults if None.
        seed: another number, another storm.

    Returns:
        (time, y, x) rain rate [mm h-1]; NaN beyond the radar's reach.
    """
    what = storm or Storm()
    rng = np.random.default_rng(seed)
    rows, columns = shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    cells = _births(rng, steps, shape, what)
    size = 2 * max(shape)
    texture = power_law_noise(rng, (size, size), what.slope)
    centre = np.array([columns * 0.30, rows * 0.66])
    images = np.empty((steps, rows, columns), np.float32)
    for step in range(steps):
        angle = -np.radians(what.turn) * step
        middle = centre + np.array(what.wind) * step
        u, v = _rotated(x - middle[0], y - middle[1], -angle)  # where each pixel lies in the storm's own frame
        band = np.exp(-((u / (0.42 * columns)) ** 2 + (v / (0.15 * rows)) ** 2) / 2)
        dbr = (_BAND_DBR - _FLOOR_DBR) * band + _FLOOR_DBR
        for cell in cells:
            age = (step - cell.birth) / cell.life
            if 0.0 < age < 1.0:
                hill = np.exp(-(((u - cell.x) / cell.length) ** 2 + ((v - cell.y) / cell.width) ** 2) / 2)
                np.maximum(dbr, (cell.peak_dbr - _FLOOR_DBR) * np.sin(np.pi * age) * hill + _FLOOR_DBR, out=dbr)
        dbr += _TEXTURE_DB * _sample(texture, u, v)
        rain_rate = 10.0 ** (np.minimum(dbr, _TOP_DBR) / 10.0)
        images[step] = np.where(rain_rate < 0.1, 0.0, rain_rate)
        fresh = power_law_noise(rng, (size, size), what.slope)
        texture = what.memory * texture + np.float32(np.sqrt(1 - what.memory**2)) * fresh
    images[:, np.hypot(x - (columns - 1) / 2, y - (rows - 1) / 2) > 0.49 * min(shape)] = np.nan
    times = np.datetime64(start, "ns") + (np.arange(steps) * minutes * 60e9).astype("timedelta64[ns]")
    grid = Grid.from_edges(_LAEA, west=-500.0 * columns, north=500.0 * rows, pixel=(1000.0, 1000.0), shape=shape)
    return make_frames(images, times, grid, source="stormcell synthetic storm", quantity="rain rate")


def power_law_noise(rng: np.random.Generator, shape: tuple[int, int], slope: float) -> Floats:
    """Gaussian noise with a power spectrum ~ wavenumber^-slope, mean 0, standard deviation 1; periodic at the edges."""
    ky, kx = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None, :]
    wavenumber = np.hypot(ky, kx)
    wavenumber[0, 0] = np.inf
    spectrum = fft.rfft2(rng.standard_normal(shape, dtype=np.float32)) * wavenumber ** (-slope / 2)
    noise = fft.irfft2(spectrum, s=shape).astype(np.float32)
    standard: Floats = (noise - noise.mean()) / noise.std()
    return standard


@dataclass(frozen=True)
class _Cell:
    birth: float  # step at which it appears
    life: float  # steps
    x: float  # place in the storm's own frame [pixels]
    y: float
    length: float  # half axes [pixels]
    width: float
    peak_dbr: float


def _births(rng: np.random.Generator, steps: int, shape: tuple[int, int], what: Storm) -> list[_Cell]:
    """The cells of the whole storm; some are half grown when the images begin."""
    side, count = min(shape), max(1, round(what.cells * (steps + what.lifetime) / 10))
    cells = []
    for _ in range(count):
        birth, life = rng.uniform(-what.lifetime, steps), what.lifetime * rng.uniform(0.6, 1.6)
        x, y = rng.normal(0.0, 0.33 * side), rng.normal(-0.10 * side, 0.13 * side)
        width = rng.uniform(0.018, 0.05) * side
        cells.append(_Cell(birth, life, x, y, width * rng.uniform(1.0, 2.2), width, rng.uniform(8.0, 19.0)))
    return cells


def _rotated(x: Floats, y: Floats, angle: float) -> tuple[Floats, Floats]:
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cos * x - sin * y, sin * x + cos * y


def _sample(texture: Floats, u: Floats, v: Floats) -> Floats:
    """Bilinear, wrapping around: the texture is periodic."""
    height, width = texture.shape
    u0, v0 = np.floor(u).astype(int), np.floor(v).astype(int)
    fu, fv = u - u0, v - v0
    left, right, top, bottom = u0 % width, (u0 + 1) % width, v0 % height, (v0 + 1) % height
    sampled: Floats = (1 - fv) * ((1 - fu) * texture[top, left] + fu * texture[top, right]) + fv * (
        (1 - fu) * texture[bottom, left] + fu * texture[bottom, right]
    )
    return sampled
