"""The figures of the ensembles' benchmark as Markdown, and the plot of how they scale."""

from pathlib import Path
from typing import Any

from stormcell.benchmark.power import power

__all__ = ["page", "scaling_plot"]

Scaling = dict[str, dict[str, float]]


def page(figures: dict[str, Any], *, plot: str | None) -> str:
    """The whole page.

    Args:
        figures: as `stormcell.benchmark.ensemble.benchmark_ensemble` gives them.
        plot: file name of the plot, if there is one.
    """
    rows, columns = figures["grid"]
    seconds, peaks = figures["seconds"], figures["peak_mb"]
    lines = [
        "# Ensembles beside pysteps",
        "",
        "Written by `stormcell benchmark ensemble --report docs/benchmarks/ensemble.md`, which needs the radar events and the extra",
        "`pysteps`.",
        "",
        f"MeteoSwiss composites, {rows} x {columns} pixels, four frames in, 12 lead times out, {figures['cores']} cores; motion included.",
        "",
        "| method | seconds | pysteps' own | ratio |",
        "|---|---|---|---|",
        _row("S-PROG", seconds["sprog"], seconds.get("pysteps-sprog")),
        _row(f"STEPS, {figures['members']} members", seconds["steps"], seconds.get("pysteps-steps")),
        "",
        f"One inverse transform and one masked look-up for each of STEPS' fields, and nothing else, take {seconds['bare']:.2f} s: "
        f"STEPS takes {seconds['steps'] / seconds['bare']:.1f} times as long as that limit.",
        "",
        f"Peak memory of the whole process, {figures['members']} members read, forecast and written: {peaks['steps']:.0f} MB"
        + (
            f"; with pysteps {peaks['pysteps-steps']:.0f} MB, {peaks['pysteps-steps'] / peaks['steps']:.1f} times as much."
            if len(peaks) > 1
            else "."
        ),
        "",
        "## Scaling of STEPS",
        "",
        "Time grows as a power of the size; 1 is linear, and what is below 1 is the start (motion, spectra), which is paid once.",
        "",
        "| along | sizes | seconds | power |",
        "|---|---|---|---|",
        *(_scaling_row(axis, times) for axis, times in figures["scaling"].items()),
    ]
    if plot:
        lines += ["", f"![Time of STEPS by members, pixels and lead times]({plot})"]
    return "\n".join(lines) + "\n"


def _row(name: str, ours: float, theirs: float | None) -> str:
    return f"| {name} | {ours:.2f} | - | - |" if theirs is None else f"| {name} | {ours:.2f} | {theirs:.1f} | {theirs / ours:.1f} |"


def _scaling_row(axis: str, times: dict[str, float]) -> str:
    taken = ", ".join(f"{value:.2f}" for value in times.values())
    return f"| {axis} | {', '.join(times)} | {taken} | {power(times):.2f} |"


def scaling_plot(scaling: Scaling, path: Path) -> None:
    """One panel an axis, in linear scales from 0, with the straight line through 0 and the last point for comparison."""
    from matplotlib.figure import Figure  # slow to import

    figure = Figure(figsize=(9, 3), layout="constrained")
    for panel, (axis, times) in zip(figure.subplots(1, len(scaling)), scaling.items(), strict=True):
        sizes, seconds = [float(size) for size in times], list(times.values())
        panel.plot([0, sizes[-1]], [0, seconds[-1]], color="0.7", linewidth=1)
        panel.plot(sizes, seconds, "o-", color="#1f5a8a")
        panel.set(xlabel=axis, ylabel="seconds", xlim=(0, None), ylim=(0, None))
        panel.locator_params(axis="x", nbins=4)  # pixels are long numbers
    figure.savefig(path, dpi=120, format="png")
