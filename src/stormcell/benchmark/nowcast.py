"""`stormcell benchmark nowcast`: is the main job fast, frugal and skilful beside pysteps, on the same data in the same run?"""

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stormcell.benchmark.process import stormcell_process
from stormcell.benchmark.skill import event_counts
from stormcell.data.read import read
from stormcell.errors import MissingExtraError, ReadError
from stormcell.methods import METHODS, Method
from stormcell.motion import rover
from stormcell.progress import track
from stormcell.timeline import minutes
from stormcell.verification.contingency import csi

__all__ = ["EVENTS", "Event", "benchmark_nowcast", "data_folder"]

THRESHOLDS = (0.5, 1.0, 2.0, 5.0)
REFERENCE = "pysteps-extrapolation"


class Event(NamedTuple):
    """How an event is scored: frames in, frames between issue times, lead times [min], and how many of its last frames to read."""

    past: int = 4
    every: int = 2
    leads: tuple[int, ...] = (30, 60)
    last: int | None = None


EVENTS: dict[str, Event] = {
    "knmi_2010-08-26": Event(every=4),
    "fmi_2016-09-28": Event(),
    "meteoswiss_2015-05-15": Event(),
    "meteoswiss_2017-01-31": Event(),
    "bom_melbourne_2018-06-16": Event(),
    "opera_odyssey_2018-08-24": Event(),
    "opera_cirrus_2024-11-26": Event(past=3, leads=(5, 10)),  # five frames are all there is
    "mrms_2019-06-10": Event(leads=(30,), last=19),  # 42 minutes are all there is
}


def data_folder(given: Path | None) -> Path:
    """The folder of radar events: as given, or from the environment's STORMCELL_TEST_DATA, or beside the project.

    Raises:
        ReadError: it is not there.
    """
    folder = given or Path(os.environ.get("STORMCELL_TEST_DATA", Path.cwd().parent / "shared" / "radar"))
    if not (folder / "events").is_dir():
        raise ReadError(f"{folder}: expected a folder with radar events in events/; set STORMCELL_TEST_DATA or give --data")
    return folder


def benchmark_nowcast(data: Path | None, *, output: Path | None = None, repeats: int = 7) -> dict[str, Any]:
    """Run everything, print tables, and write the figures as JSON if asked.

    Args:
        data: folder that holds `events/`; see `data_folder`.
        output: JSON file for all figures.
        repeats: timed repetitions of each step.

    Returns:
        The figures.
    """
    events = data_folder(data) / "events"
    figures: dict[str, Any] = {
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    }
    methods = _methods()
    figures["speed"] = _speed(events / "meteoswiss_2015-05-15", methods, repeats)
    _print_speed(figures["speed"])
    figures["process"] = _processes(events, repeats)
    _print_processes(figures["process"])
    figures["skill"] = _skill(events, methods)
    if output:
        output.write_text(json.dumps(figures, indent=2) + "\n")
    return figures


def _methods() -> dict[str, Method]:
    """Every method that can be built here; without pysteps there are no ratios, and that is said."""
    methods = {name: build() for name, build in METHODS.items()}
    try:
        import pysteps  # noqa: F401
    except ImportError:
        del methods[REFERENCE]
        print(f"note: {MissingExtraError('pysteps', extra='pysteps', purpose='a ratio to the reference')}\n")
    return methods


def _speed(folder: Path, methods: dict[str, Method], repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each method for motion and 12 lead times on 640 x 710 pixels, rounds of all methods interleaved."""
    past = read(folder, last=4)
    leads = minutes(5, 60, step=5)
    calls: dict[str, Callable[[], Any]] = {name: (lambda method=method: method(past, leads)) for name, method in methods.items()}  # type: ignore[misc]
    calls["rover motion alone"] = lambda: rover(past.values)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for round_number in track(range(repeats + 1), "timing"):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if round_number:  # the first round warms up
                times[name].append((time.perf_counter() - start) * 1e3)
    return {name: {"median_ms": statistics.median(values), "min_ms": min(values), "max_ms": max(values)} for name, values in times.items()}


def _print_speed(speed: dict[str, dict[str, float]]) -> None:
    print("Motion and 12 lead times, MeteoSwiss 640 x 710, 4 frames in (median of interleaved rounds)")
    for name, row in speed.items():
        ratio = f"{speed[REFERENCE]['median_ms'] / row['median_ms']:8.1f} x the speed of {REFERENCE}" if REFERENCE in speed else ""
        print(f"  {name:<22} {row['median_ms']:9.1f} ms  ({row['min_ms']:.1f} to {row['max_ms']:.1f}) {ratio}")


def _processes(events: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Whole processes, from start to files written."""
    swiss = [str(path) for path in sorted((events / "meteoswiss_2015-05-15").iterdir())[-4:]]
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "nowcast.nc")
        jobs = {
            "stormcell --help": (["--help"], repeats),
            "nowcast, 4 MeteoSwiss files, 60 min": (["nowcast", *swiss, "--lead", "60min", "-o", target], repeats),
            "nowcast, 4 MeteoSwiss files, 120 min": (["nowcast", *swiss, "-o", target], repeats),
            "nowcast, OPERA CIRRUS 4400 x 3800, 60 min": (
                ["nowcast", str(events / "opera_cirrus_2024-11-26"), "--lead", "60min", "-o", target],
                1,
            ),
            "nowcast, MRMS 3500 x 7000, 30 min": (["nowcast", str(events / "mrms_2019-06-10"), "--lead", "30min", "-o", target], 1),
        }
        for name, (arguments, count) in track(jobs.items(), "processes", total=len(jobs)):
            costs = [stormcell_process(arguments) for _ in range(count)]
            figures[name] = {"median_s": statistics.median(cost.seconds for cost in costs), "peak_mb": max(cost.peak_mb for cost in costs)}
    return figures


def _print_processes(figures: dict[str, dict[str, float]]) -> None:
    print("\nWhole processes")
    for name, row in figures.items():
        print(f"  {name:<44} {row['median_s']:7.2f} s  peak {row['peak_mb']:7.0f} MB")


def _skill(events: Path, methods: dict[str, Method]) -> dict[str, Any]:
    """CSI of every method on every event, printed as it comes."""
    figures: dict[str, Any] = {}
    print("\nCritical success index; a pixel counts where the radar and all methods know it")
    for name, event in EVENTS.items():
        if not (events / name).is_dir():
            print(f"  {name}: not in this folder, left out")
            continue
        counts = event_counts(
            events / name, methods, lead_minutes=event.leads, thresholds=THRESHOLDS, past=event.past, every=event.every, last=event.last
        )
        figures[name] = {}
        for method, table in counts.items():
            values = csi(table)
            leads = [int(lead / np.timedelta64(1, "m")) for lead in values["lead_time"].values]
            figures[name][method] = {
                f"{lead}min": dict(zip(map(str, THRESHOLDS), values.values[:, row].round(4).tolist(), strict=True))
                for row, lead in enumerate(leads)
            }
        _print_event(name, figures[name])
    return figures


def _print_event(name: str, scores: dict[str, dict[str, dict[str, float]]]) -> None:
    leads = list(next(iter(scores.values())))
    print(f"  {name:<26}" + "".join(f"{lead + ' at ' + ' / '.join(f'{t:g}' for t in THRESHOLDS) + ' mm/h':>34}" for lead in leads))
    for method, row in scores.items():
        print(f"    {method:<24}" + "".join(f"{' / '.join(f'{value:.3f}' for value in row[lead].values()):>34}" for lead in leads))
    margin = min(scores["advection"][lead]["0.5"] - scores["persistence"][lead]["0.5"] for lead in leads)
    line = f"    advection beats persistence at 0.5 mm/h by {margin:+.3f} or more"
    if REFERENCE in scores:
        worst = min(scores["advection"][lead][t] - scores[REFERENCE][lead][t] for lead in leads for t in scores["advection"][lead])
        line += f"; against {REFERENCE} its least favourable difference is {worst:+.3f}"
    print(line)
