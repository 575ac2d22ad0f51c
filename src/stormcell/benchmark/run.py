"""Hindcasts: every method forecasts every case of past events, and is scored against what came.

This is the one loop "for every case, for every method". A worker reads a case, forecasts and scores it, and hands back sums; this
process alone writes them. A run that was killed goes on where it was, and its numbers depend neither on the workers nor on their fate.
"""

import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stormcell.atomic import replacing
from stormcell.benchmark.cases import Case, Event, plan_event
from stormcell.benchmark.results import Results
from stormcell.benchmark.scoring import CaseSums, Task, score_case
from stormcell.benchmark.series import forget, open_series
from stormcell.benchmark.settings import Settings, differences
from stormcell.benchmark.store import Store
from stormcell.benchmark.verification_report import case_maps, write_report
from stormcell.data.read import Inputs
from stormcell.errors import StormcellError
from stormcell.progress import track
from stormcell.workers import runner

__all__ = ["TABLE", "verify"]

TABLE = "scores.csv"


def verify(
    inputs: Inputs,
    output: str | Path,
    settings: Settings,
    *,
    workers: int | str = 1,
    skip_bad: bool = False,
    fresh: bool = False,
    retry_failed: bool = False,
    report: bool = False,
) -> Results:
    """Run a hindcast, or go on with one that was stopped.

    Only the frames of the cases at hand are ever in memory. A method that fails on a case is noted with its message, and the run goes on.

    Args:
        inputs: files, folders, globs or Zarr archives; each folder and archive is an event of its own, see `open_series`.
        output: folder for the results: `sums.zarr`, and the table `scores.csv`.
        settings: what to compare, and how.
        workers: 1 works in this process; more are local processes; a text is the address of a Dask scheduler. See `runner`.
        skip_bad: leave out files that cannot be recognised, and note a case whose files cannot be read as failed.
        fresh: throw away what is in `output` from another run.
        retry_failed: work again on the cases on which a method failed.
        report: also write the report; see `stormcell.benchmark.verification_report`.

    Returns:
        The results, opened.

    Raises:
        StormcellError: `output` holds a run with other settings.
        ReadError: a file cannot be read.
        FramesError: an event has no complete case, or its frames lie on different grids.
        MethodError: a method is not known, or needs a package that is not installed.
        WriteError: the results cannot be written.
    """
    folder = Path(output)
    timing: dict[str, Any] = {"lead": settings.lead, "lead_every": settings.lead_every, "every": settings.every}
    series = open_series(inputs, zr=settings.zr, skip_bad=skip_bad)
    events = [plan_event(one, past=settings.past_frames, **timing) for one in series]
    if fresh:
        Store.remove(folder)
    now = settings.as_json(events)
    before = _agreed(folder, now)
    store = Store(folder, before, events, list(settings.methods))
    for event in events if retry_failed else ():
        store.reopen_failed(event.name)
    todo = {event.name: store.pending(event.name) for event in events}
    if any(todo.values()):
        if before["commit"] != now["commit"]:
            warnings.warn(f"{folder} was begun with the code at {before['commit']} and goes on with {now['commit']}", stacklevel=2)
        _work(store, events, todo, settings.task(skip_bad=skip_bad), workers)
    results = Results(folder, scores=settings.built_scores)
    with replacing(folder / TABLE) as beside:
        results.table().to_csv(beside, index=False)
    if report:
        maps = case_maps(results, events, settings.task(skip_bad=skip_bad))
        write_report(results, folder, maps=maps, scores=settings.built_scores)
    return results


def _work(store: Store, events: Sequence[Event], todo: dict[str, list[int]], task: Task, workers: int | str) -> None:
    """The loop. Cases are begun by event, then by issue time, and kept as they come back."""
    cases = (case for event in events for case in event.cases(todo[event.name]))
    try:
        with runner(workers) as run:
            scored = run(partial(score_case, task), cases, lost=partial(_lost, task))
            for case in track(scored, "cases", total=sum(map(len, todo.values()))):
                store.write(case)
                for category, message in case.warnings:
                    warnings.warn(message, category, stacklevel=3)
    finally:
        forget()


def _lost(task: Task, case: Case, reason: str) -> CaseSums:
    return CaseSums(case.event, case.number, failures=dict.fromkeys(task.methods, reason))


def _agreed(folder: Path, now: dict[str, Any]) -> dict[str, Any]:
    """The settings, if they are those of the results in the folder, or there are none.

    Raises:
        StormcellError: they differ; says in what.
    """
    before = Store.settings(folder)
    if before is None:
        return now
    odd = differences(before, now)
    if odd:
        reason = "; the pixels scored are those that all methods know, so other methods make another run" if "methods" in odd[0] else ""
        raise StormcellError(
            f"{folder} holds a hindcast with other settings: {'; '.join(odd)}{reason}. Choose another folder, or --fresh to begin anew"
        )
    return before
