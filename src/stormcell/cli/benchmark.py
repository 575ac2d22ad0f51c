"""`stormcell benchmark`: speed and skill, always as ratios to a named reference in the same run."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["benchmark"]


def benchmark(
    what: Annotated[str, typer.Argument(help="What to measure: nowcast, ensemble, cells, training, scores, hindcast or runtimes.")],
    data: Annotated[
        Path | None, typer.Option(help="Radar events for nowcast, ensemble and runtimes; STORMCELL_TEST_DATA if left out.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write all figures to this JSON file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Also write the tables to this Markdown file.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Timed repetitions; the median is reported.")] = 7,
) -> None:
    """Measure speed and skill against public reference implementations."""
    from stormcell.cli.terminal import progress_and_warnings
    from stormcell.errors import StormcellError

    if what not in ("nowcast", "ensemble", "cells", "training", "scores", "hindcast", "runtimes"):
        raise StormcellError(f"unknown benchmark {what!r}: expected nowcast, ensemble, cells, training, scores, hindcast or runtimes")
    if data is not None and what not in ("nowcast", "ensemble", "runtimes"):
        raise StormcellError(
            f"--data {data}: the benchmark of {what} makes its own; expected nowcast, ensemble or runtimes with this option"
        )
    with progress_and_warnings():
        if what == "cells":
            from stormcell.benchmark.cells import benchmark_cells

            benchmark_cells(output=output, report=report, repeats=repeats)
        elif what == "training":
            from stormcell.benchmark.training import benchmark_training

            benchmark_training(output=output, report=report, repeats=repeats)
        elif what == "scores":
            from stormcell.benchmark.scores import benchmark_scores

            benchmark_scores(output=output, report=report, repeats=repeats)
        elif what == "hindcast":
            from stormcell.benchmark.hindcast import benchmark_hindcast

            benchmark_hindcast(output=output, report=report, repeats=repeats)
        elif what == "runtimes":
            from stormcell.benchmark.runtimes import benchmark_runtimes

            benchmark_runtimes(data, output=output, report=report, repeats=repeats)
        elif what == "ensemble":
            from stormcell.benchmark.ensemble import benchmark_ensemble

            benchmark_ensemble(data, output=output, report=report, repeats=repeats)
        else:
            from stormcell.benchmark.nowcast import benchmark_nowcast

            benchmark_nowcast(data, output=output, report=report, repeats=repeats)
