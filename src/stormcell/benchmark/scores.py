"""`stormcell benchmark scores`: how fast the scores are beside pysteps' functions for the same, on the same fields in one run."""

import io
import os
import statistics
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy import fft

from stormcell.benchmark.crps import MEMBERS, crps_rows
from stormcell.benchmark.figures import write_figures
from stormcell.benchmark.rounds import timed_rounds
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import MissingExtraError
from stormcell.frames import make_forecast
from stormcell.timeline import minutes
from stormcell.verification import FSS, SAL, SSIM, Balanced, Contingency, Continuous, Score, Spectrum
from stormcell.verification.score import common_mask

__all__ = ["benchmark_scores"]

GRID, LEADS, SAL_LEADS = (640, 710), 18, 3
THRESHOLDS = (0.5, 1.0, 2.0, 5.0)
WINDOWS = (1, 3, 9, 17, 33, 65)
_CATEGORICAL = ["POD", "FAR", "CSI", "HSS", "ETS", "BIAS", "ACC", "HK"]
_CONTINUOUS = ["ME", "MAE", "RMSE", "MSE", "corr_p"]


class _Row(NamedTuple):
    """A score, its lead times, and the function of pysteps that gives the same for one forecast and observed field, if there is one."""

    score: Score
    leads: int = LEADS
    reference: str = ""
    theirs: Callable[[Any, Any], object] | None = None


def benchmark_scores(*, output: Path | None = None, report: Path | None = None, repeats: int = 5) -> dict[str, Any]:
    """Run everything, print the tables, and write the figures if asked.

    Args:
        output: JSON file for all figures.
        report: Markdown file for the tables.
        repeats: timed rounds; every score runs once in each, ours and theirs, and medians are reported.

    Returns:
        The figures.
    """
    forecast, observed, valid = _case()
    rows = _rows()
    runs: dict[str, Callable[[], object]] = {}
    for name, row in rows.items():
        case = [part.isel(lead_time=slice(row.leads)) for part in (forecast, observed, valid)]
        runs[name] = partial(_ours, row.score, *case)
        if row.theirs is not None:
            # pysteps has no masks: what ours leave out is dry in both
            said, seen = (field.where(valid, 0).values for field in (forecast[0], observed))
            runs[name + " of pysteps"] = partial(_theirs, row.theirs, said[: row.leads], seen[: row.leads])
    seconds = {name: statistics.median(times) for name, times in timed_rounds(runs, repeats, "scores").items()}
    figures: dict[str, Any] = {
        "cores": os.cpu_count(),
        "pysteps": version("pysteps") if find_spec("pysteps") else None,
        "scores": {
            name: {
                "lead_times": row.leads,
                "ms": seconds[name] * 1e3,
                "reference": row.reference,
                "reference_ms": seconds[name + " of pysteps"] * 1e3 if row.theirs else None,
            }
            for name, row in rows.items()
        },
        "crps": crps_rows(repeats, grid=GRID),
    }
    page = _page(figures)
    print(page)
    write_figures(figures, page, output=output, report=report)
    return figures


def _case() -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """A forecast in which a synthetic storm comes ten minutes late, what came, and the pixels that both know."""
    late = 2
    storm = synthetic_storm(LEADS + late, shape=GRID)
    past, future = storm.isel(time=slice(late)), storm.isel(time=slice(late, None))
    forecast = make_forecast(storm.values[np.newaxis, :LEADS], past, minutes(5, 5 * LEADS, step=5), method="late")
    observed = future.rename(time="lead_time").assign_coords(lead_time=forecast["lead_time"].values)
    return forecast, observed, common_mask(observed, [forecast])


def _rows() -> dict[str, _Row]:
    """What is compared with what; without pysteps there are no ratios, and that is said."""
    theirs: dict[str, Callable[[Any, Any], object]] = {}
    if find_spec("pysteps"):
        theirs = _reference()
    else:
        print(f"note: {MissingExtraError('pysteps', extra='pysteps', purpose='a ratio to the reference')}\n")
    return {
        "contingency, 4 thresholds": _Row(Contingency(THRESHOLDS), LEADS, "det_cat_fct", theirs.get("contingency")),
        "continuous": _Row(Continuous(), LEADS, "det_cont_fct", theirs.get("continuous")),
        "spectrum": _Row(Spectrum(), LEADS, "rapsd, twice", theirs.get("spectrum")),
        "fss, 4 thresholds, 6 windows": _Row(FSS(THRESHOLDS, WINDOWS), LEADS, "fss", theirs.get("fss")),
        "sal": _Row(SAL(), SAL_LEADS, "sal", theirs.get("sal")),
        "balanced": _Row(Balanced()),
        "ssim": _Row(SSIM()),
    }


def _reference() -> dict[str, Callable[[Any, Any], object]]:
    """pysteps' functions as they are quickest: on single fields in single precision, asked only for the scores that ours give."""
    with redirect_stdout(io.StringIO()):
        from pysteps.utils.spectral import rapsd
        from pysteps.verification.detcatscores import det_cat_fct
        from pysteps.verification.detcontscores import det_cont_fct
        from pysteps.verification.spatialscores import fss
    theirs: dict[str, Callable[[Any, Any], object]] = {
        "contingency": lambda said, seen: [det_cat_fct(said, seen, threshold, _CATEGORICAL) for threshold in THRESHOLDS],
        "continuous": lambda said, seen: det_cont_fct(said, seen, _CONTINUOUS),
        "spectrum": lambda said, seen: [rapsd(field, fft) for field in (said, seen)],
        "fss": lambda said, seen: [fss(said, seen, threshold, window) for threshold in THRESHOLDS for window in WINDOWS],
    }
    if find_spec("skimage"):  # which pysteps itself does not require
        with redirect_stdout(io.StringIO()):
            from pysteps.verification.salscores import sal
        theirs["sal"] = sal
    return theirs


def _ours(score: Score, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.Dataset:
    return score.value(score.sums(forecast, observed, valid))


def _theirs(function: Callable[[Any, Any], object], said: Any, seen: Any) -> list[object]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return [function(*fields) for fields in zip(said, seen, strict=True)]


def _page(figures: dict[str, Any]) -> str:
    lines = [
        "# Speed of the scores",
        "",
        "Written by `stormcell benchmark scores --report docs/benchmarks/scores.md`. Medians of interleaved rounds in one process, on",
        f"{figures['cores']} cores; a synthetic storm of {GRID[0]} x {GRID[1]} pixels, one member, {LEADS} lead times"
        f" ({SAL_LEADS} for SAL, which takes pysteps minutes).",
        f"The reference is pysteps {figures['pysteps'] or '(not installed)'}, its functions called field by field for the same scores.",
        "Ours honour a mask and look for NaN, and work on several lead times at once; theirs are given fields without gaps.",
        "",
        "| score | ours ms | function of pysteps | its ms | times its speed |",
        "|---|---|---|---|---|",
    ]
    for name, row in figures["scores"].items():
        if row["reference_ms"] is None:
            lines.append(f"| {name} | {row['ms']:.1f} | {row['reference'] or 'none'} | - | - |")
        else:
            lines.append(_line(name, row["ms"], row["reference"], row["reference_ms"]))
    both = {name: row for name, row in figures["scores"].items() if row["reference_ms"] is not None}
    spatial = ("sal", "fss, 4 thresholds, 6 windows")
    sets = {
        "all that both have": both,
        "the same without SAL": {name: row for name, row in both.items() if name != "sal"},
        "the same without SAL and FSS": {name: row for name, row in both.items() if name not in spatial},
    }
    for name, kept in sets.items():
        if kept:
            lines.append(_line(name, *(sum(row[key] for row in kept.values()) for key in ("ms", "reference_ms"))))
    lines += [
        "",
        f"| CRPS of {MEMBERS} members, one lead time | zeros | ours ms | by sorting ms | times its speed | pysteps ms | times its speed |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in figures["crps"]:
        theirs = "- | -" if row["pysteps_ms"] is None else f"{row['pysteps_ms']:.0f} | {row['times_pysteps']:.0f}"
        sorting = f"{row['sorting_ms']:.0f} | {row['times_sorting']:.0f}"
        lines.append(f"| {row['fields']} | {row['zeros']:.0%} | {row['ours_ms']:.1f} | {sorting} | {theirs} |")
    return "\n".join(lines) + "\n"


def _line(name: str, ours_ms: float, *reference: Any) -> str:
    function, theirs_ms = reference if len(reference) == 2 else ("", *reference)
    return f"| {name} | {ours_ms:.1f} | {f'`{function}`' if function else ''} | {theirs_ms:.0f} | {theirs_ms / ours_ms:.0f} |"
