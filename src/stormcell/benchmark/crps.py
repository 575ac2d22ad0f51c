"""How fast the CRPS is beside sorting the members at every pixel, and beside pysteps' function, on the same fields in one run."""

import io
import statistics
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from stormcell.benchmark.rounds import timed_rounds
from stormcell.timeline import minutes
from stormcell.verification.crps import CRPS

__all__ = ["crps_by_sorting", "crps_rows"]

GRID, MEMBERS, LEADS = (640, 710), 24, 4
_DRY = 0.8  # share of the rain-like fields that is 0

Fields = NDArray[np.float32]


def crps_rows(repeats: int = 7, *, grid: tuple[int, int] = GRID) -> list[dict[str, Any]]:
    """Time the three on 24 members of two kinds of fields: rain-like with 80 % zeros, and rain everywhere without any pattern.

    Args:
        repeats: timed rounds; every variant runs once in each, and medians are reported.
        grid: (rows, columns).

    Returns:
        A row for each kind of field: `fields`, `zeros` (share), milliseconds per lead time as `ours_ms`, `sorting_ms` and
        `pysteps_ms`, and how many times their speed ours is as `times_sorting` and `times_pysteps`; what is of pysteps is None
        where it is not installed.
    """
    reference = _pysteps()
    rows = []
    for name, make in (("rain-like", _rain_like), ("wet everywhere", _wet)):
        ensemble = make(np.random.default_rng(0), (MEMBERS + 1, LEADS, *grid))
        members, observed = ensemble[:-1], ensemble[-1]
        runs: dict[str, Callable[[], object]] = {
            "ours": partial(_ours, *_labelled(members, observed)),
            "sorting": lambda members=members, observed=observed: [  # type: ignore[misc]
                crps_by_sorting(members[:, lead], observed[lead]) for lead in range(LEADS)
            ],
        }
        if reference:
            runs["pysteps"] = partial(reference, members[:, 0], observed[0])  # by far the slowest: a single lead time
        ms = {run: statistics.median(times) * 1e3 for run, times in timed_rounds(runs, repeats, f"crps, {name}").items()}
        ours, sorting, pysteps = ms["ours"] / LEADS, ms["sorting"] / LEADS, ms.get("pysteps")
        rows.append(
            {
                "fields": name,
                "zeros": float((members == 0).mean()),
                "ours_ms": ours,
                "sorting_ms": sorting,
                "pysteps_ms": pysteps,
                "times_sorting": sorting / ours,
                "times_pysteps": pysteps / ours if pysteps else None,
            }
        )
    return rows


def crps_by_sorting(members: Fields, observed: Fields) -> float:
    """The mean CRPS the plain way: sort in float64, then E|x - y| minus the weighted sum over ranks.

    Args:
        members: (member, y, x).
        observed: (y, x).
    """
    ordered, count = np.sort(members.astype(np.float64), axis=0), len(members)
    weights = (2 * np.arange(count) - count + 1).reshape(-1, 1, 1)
    return float((np.abs(ordered - observed).mean(axis=0) - (weights * ordered).sum(axis=0) / count**2).mean())


def _ours(forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.Dataset:
    score = CRPS()
    return score.value(score.sums(forecast, observed, valid))


def _labelled(members: Fields, observed: Fields) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    dims, coords = ("lead_time", "y", "x"), {"lead_time": minutes(5, 5 * LEADS, step=5)}
    seen = xr.DataArray(observed, dims=dims, coords=coords)
    return xr.DataArray(members, dims=("member", *dims), coords=coords), seen, xr.ones_like(seen, dtype=bool)


def _rain_like(rng: np.random.Generator, shape: tuple[int, ...]) -> Fields:
    """One pattern of rain, in each field moved by a few pixels and changed in part."""
    pattern, change = (gaussian_filter(rng.standard_normal(shape[-2:]), 20, mode="wrap") for _ in range(2))
    fields = np.empty(shape, np.float32)
    for field in fields.reshape(-1, *shape[-2:]):
        near, anywhere = rng.integers(-8, 9, 2), rng.integers(0, min(shape[-2:]), 2)
        moved = np.roll(pattern, near, axis=(0, 1)) + 0.3 * np.roll(change, anywhere, axis=(0, 1))
        excess = (moved - np.quantile(moved, _DRY)) / moved.std()
        field[...] = np.where(excess > 0, np.exp(1.5 * excess) - 0.9, 0)
    return fields


def _wet(rng: np.random.Generator, shape: tuple[int, ...]) -> Fields:
    return rng.gamma(0.5, 3.0, shape).astype(np.float32) + np.float32(1e-6)


def _pysteps() -> Callable[[Fields, Fields], object] | None:
    """pysteps' CRPS; None if it is not installed."""
    if not find_spec("pysteps"):
        return None
    with redirect_stdout(io.StringIO()):
        from pysteps.verification.probscores import CRPS as crps
    reference: Callable[[Fields, Fields], object] = crps
    return reference
