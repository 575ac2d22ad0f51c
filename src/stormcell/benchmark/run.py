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
from stormcell.benchmark.strata import STRATA
from stormcell.benchmark.verification_report import case_maps, write_report
from stormcell.data.read import Inputs
from stormcell.errors import StormcellError
from stormcell.progress import track
from stormcell.workers import runner

__all__ = ["TABLE", "table_by", "verify"]

TABLE = "scores.csv"


def table_by(name: str) -> str:
    """The file of the scores by this kind of weather."""
    return f"scores_by_{name}.csv"


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
    by: Sequence[str] = (),
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
        by: also write a table for each of these kinds of weather, `scores_by_season.csv` and `scores_by_regime.csv`; names in
            `stormcell.benchmark.strata.STRATA`. Of a run that is finished, no forecast is made again for them.

    Returns:
        The results, opened.

    Raises:
        StormcellError: `output` holds a run with other settings, or there is no such kind of weather.
        ReadError: a file cannot be read.
        FramesError: an event has no complete case, or its frames lie on different grids.
        MethodError: a method is not known, or needs a package that is not installed.
        WriteError: the results cannot be written.
    """
    unknown = [name for name in by if name not in STRATA]
    if unknown:
        raise StormcellError(f"unknown kind of weather {unknown[0]!r}: expected {', '.join(STRATA)}")
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
    for name, table in {TABLE: results.table(), **{table_by(name): results.table(name) for name in by}}.items():
        with replacing(folder / name) as beside:
            table.to_csv(beside, index=False)
    if report:
        maps = case_maps(results, events, settings.task(skip_bad=skip_bad))
        write_report(results, folder, maps=maps)
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
