"""What a cascade starts from: the last scan, the motion, and how each level has changed along it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.methods.cascade.bandpass import room_for_levels
from stormcell.methods.cascade.decibels import THRESHOLD, decibels_from_rain_rate
from stormcell.methods.cascade.domain import Boundary, SpectralDomain
from stormcell.methods.cascade.levels import Levels
from stormcell.motion import advect

__all__ = ["Start", "UnsuitedError", "start_from"]

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]

_FEWEST_WET = 10  # pixels in a frame; scales and correlations of fewer mean nothing
_FEWEST_LEVELS = 2


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

    over what all frames saw. Older fields then take the newest one's value where they know nothing, and the newest is dry there.

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
    used, said = (
        (full, None) if ages[:order] == full else (ages[:1], f"a process of first order: one of the last {order + 1} scans is missing")
    )
    moved = [frames[-1], *(advect(frames[-1 - age], motion, [age])[0] for age in used)]
    _need_rain(moved)
    domain = SpectralDomain(shape, boundary=boundary)
    cascade = Levels(domain, count)
    known = _known(moved)
    fields = [decibels_from_rain_rate(frame) for frame in moved]
    spectra = [domain.spectrum(np.where(known, field, np.float32(0))) for field in fields]
    correlations = [cascade.correlation(spectra[0], older) for older in spectra[1:]]
    lag_1 = correlations[0] if used[0] == 1 else np.maximum(correlations[0], 0) ** (1 / used[0])
    newest = np.nan_to_num(fields[0], nan=0.0)
    filled = [newest, *(np.where(np.isnan(field), newest, field) for field in fields[1:])]
    return Start(cascade, filled, lag_1, correlations[1] if len(used) == 2 else None, said)


def _known(frames: list[Floats]) -> NDArray[np.bool_]:
    """What all of them saw."""
    return np.asarray(np.isfinite(np.stack(frames)).all(axis=0))


def _need_rain(moved: list[Floats]) -> None:
    known = _known(moved)
    wet = min(int((frame[known] >= np.float32(THRESHOLD)).sum()) for frame in moved)
    of = f"one of the last {len(moved)} scans has"
    if wet < _FEWEST_WET:
        raise UnsuitedError(f"{of} rain in {wet} of the pixels that all of them saw, fewer than {_FEWEST_WET}")
    if min(np.ptp(frame[known]) for frame in moved) < THRESHOLD:
        raise UnsuitedError(f"{of} the same value everywhere")
