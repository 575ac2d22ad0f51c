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
    parts: Annotated[str, typer.Option(metavar="PART,...", help="Of nowcast: speed, skill, costs; costs need no data.")] = "",
    methods: Annotated[str, typer.Option(metavar="NAME,...", help="Costs of these methods; of all of stormcell's if left out.")] = "",
    sizes: Annotated[
        str, typer.Option(metavar="ROWSxCOLUMNS,...", help="Costs on these domains; 256x256,640x710,1536x1536 if left out.")
    ] = "",
    runtimes: Annotated[
        str, typer.Option(metavar="NAME,...", help="Costs of networks in these; a precision may follow: openvino:int8. All if left out.")
    ] = "",
    processes: Annotated[int, typer.Option(min=1, help="Costs: processes of each combination.")] = 3,
    limit: Annotated[float, typer.Option(min=1.0, help="Costs: seconds that one process may take.")] = 300.0,
    against: Annotated[Path | None, typer.Option(metavar="FILE", help="Compare the costs with this JSON file of an earlier run.")] = None,
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
    of_nowcast = {"--parts": parts, "--methods": methods, "--sizes": sizes, "--runtimes": runtimes, "--against": against}
    if what != "nowcast" and (given := [option for option, value in of_nowcast.items() if value]):
        raise StormcellError(f"{given[0]}: is an option of the benchmark nowcast alone, not of {what}; leave it out")
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
            from stormcell.benchmark.costs.choice import chosen
            from stormcell.benchmark.nowcast import PARTS, benchmark_nowcast

            benchmark_nowcast(
                data,
                chosen(methods, sizes, runtimes),
                output=output,
                report=report,
                against=against,
                parts=[part.strip() for part in parts.split(",")] if parts else PARTS,
                repeats=repeats,
                processes=processes,
                limit=limit,
            )
