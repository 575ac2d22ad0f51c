"""`stormcell benchmark hindcast`: how much sooner two Dask workers are done than one, and whether any number depends on the workers."""

import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from stormcell.benchmark.figures import write_figures
from stormcell.benchmark.results import Results
from stormcell.benchmark.rounds import timed_rounds
from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import MissingExtraError

__all__ = ["benchmark_hindcast"]

GRID, STEPS, LEAD = (640, 710), 40, 12
SETTINGS = Settings(
    ("persistence", "advection", "rover"), ("contingency", "continuous", "fss"), lead=f"{5 * LEAD}min", every="5min", lead_every="10min"
)
_HERE, _ONE, _TWO, _KILLED = "this process", "1 Dask worker", "2 Dask workers", "2 Dask workers, one killed on the way"


def benchmark_hindcast(*, output: Path | None = None, report: Path | None = None, repeats: int = 3) -> dict[str, Any]:
    """Run the same hindcast in several ways, print the table, and write the figures if asked.

    Args:
        output: JSON file for all figures.
        report: Markdown file for the table.
        repeats: timed rounds; every way runs once in each, and medians are reported.

    Returns:
        The figures: `cases`, `cores`, `seconds` and `same_numbers` of each way, and `times_one`, the speed of two workers over that of one.

    Raises:
        MissingExtraError: Dask's `distributed` is not installed.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        write_odim(synthetic_storm(STEPS, shape=GRID), folder / "storm")
        clusters = {way: stack.enter_context(_cluster(count)) for way, count in ((_ONE, 1), (_TWO, 2))}
        runs: dict[str, Callable[[], object]] = {_HERE: partial(_run, folder, _HERE, 1)}
        runs |= {way: partial(_run, folder, way, cluster.scheduler_address) for way, cluster in clusters.items()}
        seconds = {way: statistics.median(times) for way, times in timed_rounds(runs, repeats, "hindcasts").items()}
        seconds[_KILLED] = _with_a_death(folder, clusters[_TWO], after=seconds[_TWO] / 2)
        results = {way: Results(folder / way) for way in seconds}
        figures: dict[str, Any] = {
            "cores": os.cpu_count(),
            "cases": int(results[_HERE].cases["common"].sum()),
            "seconds": seconds,
            "same_numbers": {way: _same(results[_HERE], one) for way, one in results.items()},
            "times_one": seconds[_ONE] / seconds[_TWO],
        }
    page = _page(figures)
    print(page)
    write_figures(figures, page, output=output, report=report)
    return figures


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    """Workers that are up before the clock starts; they serve all rounds."""
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise MissingExtraError("distributed", extra="cloud", purpose="the benchmark of hindcasts") from error
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0, silence_logs=50
    ) as cluster:
        yield cluster


def _run(folder: Path, way: str, workers: int | str) -> Results:
    return verify(folder / "storm", folder / way, SETTINGS, workers=workers, fresh=True)


def _with_a_death(folder: Path, cluster: Any, *, after: float) -> float:
    """Seconds of a run of which one worker is killed after so many seconds."""
    process = next(iter(cluster.workers.values())).process.process
    death = threading.Timer(after, os.kill, (process.pid, signal.SIGKILL))
    death.start()
    start = time.perf_counter()
    _run(folder, _KILLED, cluster.scheduler_address)
    seconds = time.perf_counter() - start
    death.join()
    return seconds


def _same(one: Results, other: Results) -> bool:
    """Are all sums of all cases alike, to the last digit?"""
    return all(np.array_equal(one.sums(score), other.sums(score), equal_nan=True) for score in one.scores)


def _page(figures: dict[str, Any]) -> str:
    lines = [
        "# Speed of hindcasts",
        "",
        "Written by `stormcell benchmark hindcast --report docs/benchmarks/hindcast.md`: `stormcell verify` from files to scores, of",
        f"{figures['cases']} cases of {GRID[0]} x {GRID[1]} pixels; methods {', '.join(SETTINGS.methods)}; "
        f"scores {', '.join(SETTINGS.scores)}.",
        f"Medians of interleaved rounds on {figures['cores']} cores; workers have one thread each and are up before the clock starts.",
        "Other work on the machine falls on two workers harder than on one.",
        "",
        "| where | seconds | cases per minute | times one worker's speed | the same numbers |",
        "|---|---|---|---|---|",
    ]
    one = figures["seconds"][_ONE]
    for way, seconds in figures["seconds"].items():
        same = "yes" if figures["same_numbers"][way] else "NO"
        lines.append(f"| {way} | {seconds:.1f} | {60 * figures['cases'] / seconds:.0f} | {one / seconds:.2f} | {same} |")
    return "\n".join(lines) + "\n"
