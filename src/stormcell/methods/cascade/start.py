"""What a cascade starts from: the last scan, the motion, and how each level has changed along it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.methods.cascade.bandpass import room_for_levels
from stormcell.methods.cascade.decibels import THRESHOLD_DB, decibels_from_rain_rate
from stormcell.methods.cascade.domain import Boundary, SpectralDomain
from stormcell.methods.cascade.levels import Levels
from stormcell.motion import advect

__all__ = ["Start", "UnsuitedError", "start_from"]

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]

_FEWEST_WET = 10  # pixels in a frame; scales and correlations of fewer mean nothing
_FEWEST_LEVELS = 2
_FLAT = 0.1  # dB; fields that span less have no scales
_RIM = 8.0  # pixels over which fields fade towards what is not known


class UnsuitedError(MethodError):
    """Nothing can be learnt from these frames; within this package advection then stands in."""


@dataclass(frozen=True)
class Start:
    """What a cascade starts from.

    Attributes:
        levels: the cascade's scales.
        fields: past fields (y, x) [dB], newest first, carried along the motion to where the rain is now, without NaN.
        lag_1: autocorrelation of each level after one step, (level,).
        lag_2: after two; None for a process of first order.
        said: what could not be done as asked for, if anything.
    """

    levels: Levels
    fields: list[Floats]
    lag_1: Numbers
    lag_2: Numbers | None
    said: str | None


def start_from(frames: Floats, motion: Floats, *, order: int, levels: int, boundary: Boundary) -> Start:
    """Split past frames into levels, and see how fast each of them changes.

    In the coordinates of the moving rain a level's autocorrelation is that of its fields at different times,

        r_j = sum_k W_j^2 Re(A(k) B*(k)) / sqrt(sum_k W_j^2 |A|^2  sum_k W_j^2 |B|^2),    k != 0,

    over what all frames saw. Towards the edge of that, if it is not the edge of the grid, fields fade over 8 pixels: an edge that cuts
    through rain is at the same place in all of them, and would pass for small scales that never change. Older fields then take the
    newest one's value where they know nothing, and the newest is dry there.

    Args:
        frames: rain rate (time, y, x) up to the last scan that was seen [mm h-1]; NaN = not seen.
        motion: (2, y, x) [pixels per step].
        order: of the autoregressive process, 1 or 2. Where a scan is missing it is 1, by the scan before: r_1 = r_n^(1/n).
        levels: how many are wanted.
        boundary: see `SpectralDomain`.

    Raises:
        UnsuitedError: there is nothing to learn from; says why.
    """
    shape = (frames.shape[1], frames.shape[2])
    count = room_for_levels(shape, levels)
    if count < _FEWEST_LEVELS:
        raise UnsuitedError(f"a cascade needs 8 pixels a side or more, and the grid has {min(shape)}")
    ages = [age for age in range(1, len(frames)) if np.isfinite(frames[-1 - age]).any()]
    full = list(range(1, order + 1))
    used, said = (full, None) if ages[:order] == full else (ages[:1], f"a process of first order: {_lacking(len(frames), order + 1)}")
    decibels = [decibels_from_rain_rate(frames[-1 - age]) for age in (0, *used)]
    fields = [decibels[0], *(advect(field, motion, [age])[0] for field, age in zip(decibels[1:], used, strict=True))]
    known = np.isfinite(np.stack(fields)).all(axis=0)
    _need_rain(fields, known)
    domain = SpectralDomain(shape, boundary=boundary)
    cascade = Levels(domain, count)
    share = _fading(known)
    spectra = [domain.spectrum(np.where(known, field, np.float32(0)) * share) for field in fields]
    correlations = [cascade.correlation(spectra[0], older) for older in spectra[1:]]
    lag_1 = correlations[0] if used[0] == 1 else np.maximum(correlations[0], 0) ** (1 / used[0])
    newest = np.nan_to_num(fields[0], nan=0.0)
    filled = [newest, *(np.where(np.isnan(field), newest, field) for field in fields[1:])]
    return Start(cascade, filled, lag_1, correlations[1] if len(used) == 2 else None, said)


def _lacking(given: int, wanted: int) -> str:
    return f"{given} scans of {wanted}" if given < wanted else f"one of the last {wanted} scans is missing"


def _fading(known: NDArray[np.bool_]) -> Floats:
    """1 well inside of what is known, 0 outside of it, half a wave of a cosine between."""
    if known.all():
        return np.ones(known.shape, np.float32)
    distance = cv2.distanceTransform(known.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)  # the precise one changes with the threads
    share: Floats = np.float32(0.5) - np.float32(0.5) * np.cos(np.clip(distance / np.float32(_RIM), 0, 1) * np.float32(np.pi))
    return share


def _need_rain(fields: list[Floats], known: NDArray[np.bool_]) -> None:
    wet = min(int((field[known] >= np.float32(THRESHOLD_DB)).sum()) for field in fields)
    of = f"one of the last {len(fields)} scans has"
    if wet < _FEWEST_WET:
        raise UnsuitedError(f"{of} rain in {wet} of the pixels that all of them saw, fewer than {_FEWEST_WET}")
    if min(np.ptp(field[known]) for field in fields) < _FLAT:
        raise UnsuitedError(f"{of} the same value everywhere")
