"""Bad weather data: the cases that every method meets. The tests beside this file and the table in docs/trust.md are made of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.synthetic import synthetic_storm
from stormcell.timeline import join_frames
from tests.conftest import frames_of

__all__ = ["CASES", "SIDE", "SPIKE", "Case"]

Rain = NDArray[np.float32]

SIDE = 64
"""Pixels of the usual grid, at which the cascades of all methods have room."""

SPIKE = 8_647.0
"""mm/h, a value that a real file held."""


@dataclass(frozen=True)
class Case:
    """Something that is wrong with the scans.

    Attributes:
        says: what, for a person.
        past: makes the frames that a method is handed; may refuse to.
        step: minutes from scan to scan.
        alike: the case of which `past` makes the very same frames, if there is one.
        slow: too dear to be tried with every change.
        refused: which methods refuse, and what they say: method, family, or "all" to a pattern.
    """

    says: str
    past: Callable[[], xr.DataArray]
    step: float = 5.0
    alike: str | None = None
    slow: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)


def _storm(count: int = 6, *, shape: tuple[int, int] = (SIDE, SIDE), step: float = 5.0) -> xr.DataArray:
    """A storm that the radar sees everywhere."""
    storm = synthetic_storm(count, shape=shape, minutes=step, seed=3)
    return storm.copy(data=storm.fillna(0.0).values)


def _scans(storm: xr.DataArray) -> list[xr.DataArray]:
    return [storm[index : index + 1] for index in range(storm.sizes["time"])]


def _joined(change: Callable[[list[xr.DataArray]], Sequence[xr.DataArray]]) -> Callable[[], xr.DataArray]:
    """The storm's scans, changed as files on a disk may be, and put in order."""
    return lambda: join_frames(list(change(_scans(_storm()))))


def _missing(*ages: int) -> Callable[[], xr.DataArray]:
    """Scans of these ages never came: 0 is the newest, for whose time the axis is kept."""

    def past() -> xr.DataArray:
        storm = _storm()
        storm.values[[-1 - age for age in ages]] = np.nan
        return storm

    return past


def _shifted(scan: xr.DataArray, seconds: int) -> xr.DataArray:
    return scan.assign_coords(time=scan["time"] + np.timedelta64(seconds, "s"))


def _late(scans: list[xr.DataArray], seconds: int) -> list[xr.DataArray]:
    return [*scans[:3], _shifted(scans[3], seconds), *scans[4:]]


def _with(change: Callable[[Rain], None]) -> Callable[[], xr.DataArray]:
    """The storm, with its values changed in place."""

    def past() -> xr.DataArray:
        storm = _storm()
        change(storm.values)
        return storm

    return past


def _unseen(where: NDArray[np.bool_]) -> Callable[[], xr.DataArray]:
    def change(values: Rain) -> None:
        values[:, where] = np.nan

    return _with(change)


def _spike(values: Rain) -> None:
    values[-1, 20, 40] = SPIKE


def _half_a_mm_more(values: Rain) -> None:
    values += np.float32(0.5)


def _one_pixel() -> xr.DataArray:
    values = np.zeros((6, SIDE, SIDE))
    values[:, 30, 30] = 5.0
    return frames_of(values)


def _distance() -> NDArray[np.float64]:
    """(y, x), pixels from the middle of the grid."""
    row, column = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    return np.hypot(row, column)


def _drifting(rows: int, columns: int, count: int = 6) -> xr.DataArray:
    """Cheap rain for a grid of any size: a pattern that moves east a pixel a scan."""
    wide = np.zeros((rows, columns + count), np.float32)
    wide[rows // 4 : rows // 2 + 1, columns // 4 : columns // 2 + 1] = 2.0
    wide[rows // 3 : rows // 3 + 5, columns // 3 : columns // 3 + 5] = 9.0
    return frames_of(np.stack([wide[:, count - index : count - index + columns] for index in range(count)]))


def _of_step(step: float) -> Case:
    """Scans over 20 minutes at least, which is how far the networks look back, and never fewer than six."""
    count = max(6, round(20 / step) + 1)
    far_from_learnt = {} if step <= 6 else {"network": f"was trained on scans every 5 min, but these come every {step:g} min: expected one"}
    alike = "nothing-wrong" if step == 5 else None
    return Case(f"a scan every {step:g} min", lambda: _storm(count, step=step), step, alike, refused=far_from_learnt)


def _handed_over(change: Callable[[xr.DataArray], xr.DataArray]) -> Callable[[], xr.DataArray]:
    """The storm, wrong in a way that `join_frames` and `make_frames` would not let pass."""
    return lambda: change(_storm())


def _held(value: float) -> Callable[[xr.DataArray], xr.DataArray]:
    """The storm with this value in one pixel."""

    def change(storm: xr.DataArray) -> xr.DataArray:
        storm.values[2, 10, 10] = value
        return storm

    return change


ANY_ORDER = [3, 5, 0, 4, 2, 1]
NO_RATE = "expected finite rain rates of 0 or more, got {} mm h-1; set what is no measurement to NaN"
LONELY = "two scans a step apart, but of the last 4 time steps that it looks at only 2 hold data, none next to another; give more files"
RIDDLED = "pysteps gave up on these frames .* non-finite values.*; give other frames, or choose another method"
UNEVEN = "expected rising, evenly spaced times; join_frames sorts them and makes gaps explicit"

CASES: dict[str, Case] = {
    "nothing-wrong": Case("nothing is wrong", _storm),
    "one-missing": Case("a scan is missing", _missing(2)),
    "newest-missing": Case("the newest scan is missing", _missing(0)),
    "two-missing": Case("two scans in a row are missing", _missing(1, 2), refused={"pysteps": LONELY}),
    "newest-two-missing": Case("the newest two scans are missing", _missing(0, 1)),
    "one-left": Case(
        "one scan alone", lambda: _storm(1), refused={"all": "two (frames|scans) or more.*; give more files", "persistence": ""}
    ),
    "late": Case("the clock of a scan is 20 s late", _joined(lambda scans: _late(scans, 20)), alike="nothing-wrong"),
    "too-late": Case(
        "the clock of a scan is 2 min late",
        _joined(lambda scans: _late(scans, 120)),
        refused={"all": "uneven steps: the scan at .* comes 7 min after .* where the step is 5.* min; leave it out"},
    ),
    "twice": Case("a scan comes twice", _joined(lambda scans: [*scans, scans[-1]]), alike="nothing-wrong"),
    "any-order": Case("scans come in any order", _joined(lambda scans: [scans[index] for index in ANY_ORDER]), alike="nothing-wrong"),
    "not-joined": Case("the same, not put in order", _handed_over(lambda storm: storm[ANY_ORDER]), refused={"all": UNEVEN}),
    "twice-not-joined": Case("a scan twice, not joined", _handed_over(lambda storm: storm[[0, 1, 2, 3, 4, 5, 5]]), refused={"all": UNEVEN}),
    "dry": Case("no rain anywhere", lambda: frames_of(np.zeros((6, SIDE, SIDE)))),
    "one-pixel": Case("one wet pixel", _one_pixel),
    "wet": Case("rain everywhere", _with(_half_a_mm_more)),
    "constant": Case("one value everywhere", lambda: frames_of(np.full((6, SIDE, SIDE), 2.0))),
    "spike": Case(f"one pixel of {SPIKE:,.0f} mm/h", _with(_spike)),
    "negative": Case("a rain rate below 0", _handed_over(_held(-0.5)), refused={"all": NO_RATE.format("-0.5 to .*")}),
    "infinite": Case("an infinite rain rate", _handed_over(_held(np.inf)), refused={"all": NO_RATE.format(".* to inf")}),
    "other-unit": Case(
        "reflectivity for rain",
        _handed_over(lambda storm: storm.assign_attrs(units="dBZ")),
        refused={"all": "expected rain rate in 'mm h-1', got units 'dBZ'; stormcell.units converts"},
    ),
    "half-unseen": Case("half of the grid is NaN", _unseen(np.arange(SIDE) < np.full((SIDE, 1), SIDE // 2))),
    "checkered": Case(
        "every other pixel is NaN",
        _unseen(np.indices((SIDE, SIDE)).sum(axis=0) % 2 == 1),
        refused={
            "pysteps": RIDDLED,
            "pysteps-extrapolation": "seen at 50% of its pixels, has no four side by side; fill small",
        },
    ),
    "ring": Case("a ring of NaN around the radar", _unseen(np.abs(_distance() - 20) < 4)),
    "unseen": Case(
        "all is NaN",
        lambda: frames_of(np.full((6, SIDE, SIDE), np.nan)),
        refused={
            "all": "two scans or more, but 0 of 6 time steps up to 2024-07-01T12:25 holds data, all are missing scans; give more files",
            "persistence": "all 6 past frames are missing scans: expected at least one with data; give more files",
        },
    ),
    "1x1": Case(
        "a grid of 1 x 1",
        lambda: frames_of(np.full((6, 1, 1), 2.0)),
        refused={"network": "pixels of 3.75 km, but these are of 0.001 km: expected 0.234 to 7.5 km, .*; use a model for this"},
    ),
    "3x5": Case("a grid of 3 x 5", lambda: _drifting(3, 5)),
    "4400x3800": Case(
        "a grid of 4400 x 3800",
        lambda: _drifting(4400, 3800, count=5),
        slow=True,
        refused=dict.fromkeys(("pysteps-sprog", "pysteps-steps"), "pysteps gave up on these frames .*nonstationary"),
    ),
    **{f"step-{step:g}": _of_step(step) for step in (1, 2.5, 5, 6, 10, 15, 30, 60)},
}
