"""Costs as Markdown, a table for each domain."""

from statistics import median

from stormcell.benchmark.costs.record import STAGES, Cost, Costs

__all__ = ["costs_table", "share_of"]


def share_of(cost: Cost, costs: Costs, clock: str) -> float | None:
    """The speed of a forecast as a share of what the machine reaches; None where it cannot be told.

    A network: its operations in the seconds of the forecast, beside the rate of a matrix product. Any other: the bytes of the fields that
    go in and come out in the seconds of motion and forecast, beside the rate of a copy.

    Args:
        cost: whose.
        costs: with the rates.
        clock: "wall" or "processor".
    """
    forecast = cost.median("forecast", clock)
    if not forecast:
        return None
    if cost.runtime != "-":
        return None if cost.gflop is None else cost.gflop / forecast / median(costs.matrix_product.of(clock))
    whole = forecast + (cost.median("motion", clock) or 0.0)
    return None if cost.field_gb is None else cost.field_gb / whole / median(costs.memory_copy.of(clock))


def costs_table(costs: Costs) -> str:
    """The rates, a table for each domain, and what failed."""
    lines = [
        f"The machine's own rates, {costs.threads} threads, median, smallest and largest of {len(costs.memory_copy.wall)}:",
        "",
        "| | a second that passes | a second of the processor |",
        "|---|---|---|",
        f"| product of float32 matrices, GFLOP | {_range(costs.matrix_product.wall)} | {_range(costs.matrix_product.processor)} |",
        f"| copy, GB read and written | {_range(costs.memory_copy.wall)} | {_range(costs.memory_copy.processor)} |",
        "",
    ]
    counts = [len(samples.wall) for cost in costs.costs for samples in cost.seconds.values()] or [0]
    of = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    for rows, columns in dict.fromkeys((cost.rows, cost.columns) for cost in costs.costs):
        lines += [
            f"**{rows} x {columns} pixels**, {costs.lead_times} lead times; seconds that pass, and in brackets the processor's; "
            f"processes of each combination: {of}",
            "",
            f"| method | runtime | {' | '.join(STAGES)} | peak MB | GFLOP | share of rate |",
            "|---|---|" + "---|" * len(STAGES) + "---|---|---|",
            *(_row(cost, costs) for cost in costs.costs if (cost.rows, cost.columns) == (rows, columns)),
            "",
        ]
    failures = [f"- {cost.says}: {cost.failure}" for cost in costs.costs if cost.failure]
    return "\n".join([*lines, *(["Failed:", "", *failures, ""] if failures else [])])


def _row(cost: Cost, costs: Costs) -> str:
    cells = [_seconds(cost.median(stage), cost.median(stage, "processor")) for stage in STAGES]
    if cost.failure:
        cells = [cell if cell != "-" else "failed" for cell in cells]
    peak = f"{max(cost.peak_mb):.0f}" if cost.peak_mb else "-"
    gflop = "-" if cost.gflop is None else f"{cost.gflop:.3g}"
    wall, processor = (share_of(cost, costs, clock) for clock in ("wall", "processor"))
    share = "-" if wall is None or processor is None else f"{wall:.1%} ({processor:.1%})"
    return f"| {cost.method} | {cost.runtime} | {' | '.join(cells)} | {peak} | {gflop} | {share} |"


def _seconds(wall: float | None, processor: float | None) -> str:
    return "-" if wall is None or processor is None else f"{_figures(wall)} ({_figures(processor)})"


def _figures(seconds: float) -> str:
    """Two figures and no more than milliseconds."""
    return f"{seconds:.1f}" if seconds >= 9.95 else f"{seconds:.2f}" if seconds >= 0.0995 else f"{seconds:.3f}"


def _range(rates: list[float]) -> str:
    return f"{median(rates):.3g} ({min(rates):.3g} to {max(rates):.3g})"
