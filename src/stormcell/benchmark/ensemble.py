"""`stormcell benchmark ensemble`: S-PROG and STEPS beside pysteps' own, and beside the bare cost of transforms and look-ups."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import xarray as xr
from scipy import fft

from stormcell.atomic import replacing
from stormcell.benchmark.ensemble_page import page, scaling_plot
from stormcell.benchmark.figures import write_figures
from stormcell.benchmark.nowcast import data_folder
from stormcell.benchmark.process import stormcell_process
from stormcell.benchmark.rounds import timed_rounds
from stormcell.data.read import read
from stormcell.errors import MissingExtraError
from stormcell.frames import Spans
from stormcell.methods import PystepsSprog, PystepsSteps, Sprog, Steps
from stormcell.timeline import minutes
from stormcell.warp import Sampler, pixel_grid

__all__ = ["benchmark_ensemble"]

EVENT, FRAMES = "meteoswiss_2015-05-15", 4
MEMBERS, LEADS = 24, minutes(5, 60, step=5)
_FEW = 8  # members in the scaling with pixels and lead times


def benchmark_ensemble(data: Path | None, *, output: Path | None = None, report: Path | None = None, repeats: int = 7) -> dict[str, Any]:
    """Run everything, print the tables, and write the figures if asked.

    Args:
        data: folder that holds `events/`; see `data_folder`.
        output: JSON file for all figures.
        report: Markdown file for the tables; the plot is written beside it, with the ending .png.
        repeats: timed rounds of ours; pysteps' STEPS, which takes minutes, runs once between them.

    Returns:
        The figures.
    """
    folder = data_folder(data) / "events" / EVENT
    past = read(folder, last=FRAMES)
    figures: dict[str, Any] = {
        "cores": os.cpu_count(),
        "grid": list(past.shape[1:]),
        "members": MEMBERS,
        "seconds": _seconds(past, repeats),
        "peak_mb": _peaks(folder),
        "scaling": _scaling(past, max(1, repeats // 2)),
    }
    text = page(figures, plot=f"{report.stem}.png" if report else None)
    print(text)
    write_figures(figures, text, output=output, report=report)
    if report:
        with replacing(report.with_suffix(".png")) as beside:
            scaling_plot(figures["scaling"], beside)
    return figures


def _theirs() -> bool:
    if find_spec("pysteps"):
        return True
    print(f"note: {MissingExtraError('pysteps', extra='pysteps', purpose='a ratio to the reference')}\n")
    return False


def _seconds(past: xr.DataArray, repeats: int) -> dict[str, float]:
    """Medians of rounds in which all take turns; half of the rounds come before pysteps' STEPS, half after it."""
    ours: dict[str, Callable[[], object]] = {
        "sprog": lambda: Sprog()(past, LEADS),
        "steps": lambda: Steps()(past, LEADS, members=MEMBERS, seed=1),
        "bare": lambda: bare_work(past.shape[1:], MEMBERS, len(LEADS)),
    }
    slow: dict[str, Callable[[], object]] = {}
    if _theirs():
        ours["pysteps-sprog"] = lambda: PystepsSprog()(past, LEADS)
        slow["pysteps-steps"] = lambda: PystepsSteps()(past, LEADS, members=MEMBERS, seed=1)
    first = timed_rounds(ours, (repeats + 1) // 2, "timing")
    seconds = {name: _timed(run) for name, run in slow.items()}
    second = timed_rounds(ours, max(1, repeats // 2), "timing")
    return seconds | {name: statistics.median(first[name] + second[name]) for name in ours}


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def bare_work(shape: tuple[int, ...], members: int, leads: int) -> None:
    """What no ensemble of this kind can do without: for each field one inverse transform and one look-up with its mask, on all threads.

    Args:
        shape: (rows, columns).
        members: of the ensemble.
        leads: lead times.
    """
    rows, columns = (fft.next_fast_len(round(size * 1.05), real=True) for size in shape)
    spectrum = np.ones((rows, columns // 2 + 1), np.complex64)
    sampler = Sampler(np.ones(shape, np.float32))
    column, row = pixel_grid((shape[0], shape[1]))
    column, row = column + np.float32(0.3), row + np.float32(0.6)

    def member(_: int) -> None:
        for _ in range(leads):
            fft.irfft2(spectrum, s=(rows, columns))
            sampler.at(column, row)

    with ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
        list(pool.map(member, range(members)))


def _peaks(folder: Path) -> dict[str, float]:
    """Peak memory of whole processes that read, forecast and write [MB]."""
    files = [str(path) for path in sorted(folder.iterdir())[-FRAMES:]]
    with tempfile.TemporaryDirectory() as place:
        common = ["nowcast", *files, "--lead", "60min", "--members", str(MEMBERS), "--seed", "1", "-o", str(Path(place) / "nowcast.nc")]
        names = ["steps", *(["pysteps-steps"] if find_spec("pysteps") else [])]
        return {name: stormcell_process([*common, "--method", name]).peak_mb for name in names}


def _scaling(past: xr.DataArray, repeats: int) -> dict[str, dict[str, float]]:
    """Seconds of STEPS with more and more members, pixels and lead times."""

    def steps(frames: xr.DataArray, leads: Spans, members: int) -> Callable[[], object]:
        return lambda: Steps()(frames, leads, members=members, seed=1)

    rows, columns = past.shape[1:]
    axes: dict[str, dict[str, Callable[[], object]]] = {
        "members": {str(count): steps(past, LEADS, count) for count in (6, 12, 24, 48)},
        "pixels": {
            str(round(share * rows) * round(share * columns)): steps(
                past.isel(y=slice(round(share * rows)), x=slice(round(share * columns))), LEADS, _FEW
            )
            for share in (0.5, 0.71, 0.87, 1.0)
        },
        "lead times": {str(count): steps(past, minutes(5, 5 * count, step=5), _FEW) for count in (6, 12, 24, 48)},
    }
    return {
        axis: {place: statistics.median(times) for place, times in timed_rounds(runs, repeats, f"scaling, {axis}").items()}
        for axis, runs in axes.items()
    }
