"""How costs grow with the domain."""

from pathlib import Path

import numpy as np

from stormcell.benchmark.costs.record import Cost, Costs
from stormcell.benchmark.power import power

__all__ = ["draw_growth", "growth_table"]


def growth_table(costs: Costs, picture: str | None = None) -> str:
    """The power of pixels with which the work of each method grows; nothing where there is one domain alone.

    Args:
        costs: of several domains.
        picture: where `draw_growth` has drawn it, as the page links it.
    """
    grown = {name: power(work) for name, work in _work(costs).items()}
    if not grown:
        return ""
    lines = [
        "**Growth.** Seconds of the processor for motion and forecast go with pixels to the power of p: 1 is linear, and more than 1 would "
        "be costs that run away.",
        "",
        *([f"![Seconds of the processor for motion and forecast over pixels]({picture})", ""] if picture else []),
        "| method | p |",
        "|---|---|",
        *(f"| {name} | {exponent:z.2f} |" for name, exponent in grown.items()),
    ]
    return "\n".join([*lines, ""])


def draw_growth(costs: Costs, path: Path) -> None:
    """Seconds of the processor for motion and forecast over pixels, both axes logarithmic, and a straight line of p = 1 (PNG)."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure  # slow to import

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    work = _work(costs)
    for (name, seconds), colour in zip(work.items(), colormaps["turbo"](np.linspace(0.05, 0.95, len(work))), strict=True):
        axes.plot(list(seconds), list(seconds.values()), "o-", color=colour, linewidth=1.2, markersize=4, label=name)
    ends = [min(map(min, work.values()), default=1), max(map(max, work.values()), default=2)]
    least = min((seconds[ends[0]] for seconds in work.values() if ends[0] in seconds), default=1.0)
    axes.plot(ends, [least, least * ends[1] / ends[0]], color="0.6", linestyle="--", linewidth=1, label="linear")
    axes.set(xscale="log", yscale="log", xlabel="pixels", ylabel="seconds of the processor")
    axes.grid(color="0.9")
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    figure.savefig(path, dpi=110, format="png")


def _work(costs: Costs) -> dict[str, dict[int, float]]:
    """Method, with its runtime -> pixels -> seconds; of those that were measured on more domains than one."""
    found: dict[str, dict[int, float]] = {}
    for cost in costs.costs:
        seconds = cost.median("forecast", "processor")
        if seconds and not cost.failure:
            found.setdefault(_name(cost), {})[cost.rows * cost.columns] = seconds + (cost.median("motion", "processor") or 0.0)
    return {name: dict(sorted(work.items())) for name, work in found.items() if len(work) > 1}


def _name(cost: Cost) -> str:
    return cost.method if cost.runtime == "-" else f"{cost.method}, {cost.runtime}"
