"""The figures of a benchmark as Markdown, for the terminal and for the documentation."""

from typing import Any

import numpy as np

__all__ = ["REFERENCE", "page", "process_table", "skill_table", "speed_table", "summary"]

REFERENCE = "pysteps-extrapolation"

Scores = dict[str, dict[str, dict[str, float]]]


def speed_table(speed: dict[str, dict[str, float]]) -> str:
    """Milliseconds of each method, and how many times the reference's speed that is."""
    rows = ["| motion and 12 lead times, 640 x 710 | median ms | smallest to largest | times the reference's speed |", "|---|---|---|---|"]
    for name, row in speed.items():
        ratio = f"{speed[REFERENCE]['median_ms'] / row['median_ms']:.1f}" if REFERENCE in speed else "-"
        rows.append(f"| {name} | {row['median_ms']:.0f} | {row['min_ms']:.0f} to {row['max_ms']:.0f} | {ratio} |")
    return "\n".join(rows) + "\n"


def process_table(processes: dict[str, dict[str, float]]) -> str:
    """Seconds and peak memory of whole processes."""
    rows = ["| whole process | median s | peak MB |", "|---|---|---|"]
    rows += [f"| {name} | {row['median_s']:.2f} | {row['peak_mb']:.0f} |" for name, row in processes.items()]
    return "\n".join(rows) + "\n"


def skill_table(skill: dict[str, Scores]) -> str:
    """Critical success index, a row for each event, lead time and method."""
    thresholds = list(next(iter(next(iter(next(iter(skill.values())).values())).values())))
    rows = [
        "| event | lead | method | " + " | ".join(f"{threshold} mm/h" for threshold in thresholds) + " |",
        "|---" * (3 + len(thresholds)) + "|",
    ]
    for event, scores in skill.items():
        for lead in next(iter(scores.values())):
            for method, row in scores.items():
                rows.append(f"| {event} | {lead} | {method} | " + " | ".join(f"{value:.3f}" for value in row[lead].values()) + " |")
    return "\n".join(rows) + "\n"


def summary(figures: dict[str, Any]) -> str:
    """What the targets ask: the margin over persistence, and the least favourable difference from the reference, event by event."""
    lines = []
    for event, scores in figures["skill"].items():
        ours, still = scores["advection"], scores["persistence"]
        margin = np.nanmin([ours[lead]["0.5"] - still[lead]["0.5"] for lead in ours])
        line = f"- {event}: advection beats persistence at 0.5 mm/h by {margin:+.3f} or more"
        if REFERENCE in scores:
            differences = [ours[lead][threshold] - scores[REFERENCE][lead][threshold] for lead in ours for threshold in ours[lead]]
            line += f"; against {REFERENCE} it is {np.nanmin(differences):+.3f} at the least, {np.nanmax(differences):+.3f} at the most"
        lines.append(line)
    return "\n".join(lines) + "\n"


def page(figures: dict[str, Any], *, costs: str = "", comparison: str = "") -> str:
    """The whole page of documentation, of the parts that were measured.

    Args:
        figures: with `command`, `machine`, `versions`, and those of each part.
        costs: tables of the part costs.
        comparison: of these costs with earlier ones.
    """
    machine, versions = figures["machine"], ", ".join(f"{name} {number}" for name, number in figures["versions"].items())
    beside = "speed" in figures or "skill" in figures
    title = "Speed and skill of the main job" if beside else "What each method costs"
    lines = [f"# {title}", "", f"Written by `{figures['command']} --report FILE`; `make bench` writes all parts."]
    if beside:
        lines += [
            "It needs the radar events and the extra `pysteps`. The reference is pysteps' `dense_lucaskanade` and `extrapolation` at",
            "their defaults, on the same frames in the same run.",
        ]
    lines += ["", f"Machine: {machine['processor']}, {machine['cores']} cores, Python {machine['python']}; {versions}."]
    lines += ["Other work on it makes single times noisy; ratios are of medians of interleaved rounds.", ""]
    if "speed" in figures:
        lines += ["## Speed", "", "MeteoSwiss composites, four frames in.", "", speed_table(figures["speed"])]
        lines += [process_table(figures["process"])]
    if "skill" in figures:
        lines += [_ABOUT_SKILL, summary(figures), skill_table(figures["skill"])]
    if "costs" in figures:
        lines += [_ABOUT_COSTS, costs]
    if comparison:
        lines += ["## Beside an earlier run", "", comparison]
    return "\n".join(lines).rstrip("\n") + "\n"


_ABOUT_SKILL = """## Skill

Critical success index; an event is a rain rate at or above the threshold; counts are summed over all issue times of an
event, over the pixels that the radar and all methods know.
"""

_ABOUT_COSTS = """## Costs

Every combination runs in processes of its own, one in each round; figures are medians, memory is the largest.

- *start-up*: from the start of the process until the method could begin: Python, imports, weights, the runtime made ready.
- *first forecast*: motion and forecast together, the first time; *read*, *motion*, *forecast* and *write*: the second time.
- *motion* is told apart by a stop watch around the estimators of `stormcell.motion`. "-": the method calls none of them; the motion of
  pysteps' method is in its forecast.
- *peak MB*: the most memory that the process held.
- *GFLOP*: operations in convolutions and matrix products of the network for one forecast, counted in PyTorch on a small domain and scaled
  by pixels: what tiles do twice where they overlap is not in it.
- *share of rate*: of a network, these operations in the seconds of the forecast, beside the machine's product of matrices. The first
  guess of `guided`, and all averaging between grids, is in the seconds and not in the operations. Of any other method, the bytes of the
  fields that go in and come out in the seconds of motion and forecast, beside the machine's copy. In brackets by the processor's time.
  int8 is held against the same float32 rate, and may be above it.

Scans are of a storm of our own making, 1 km pixels, mirrored until the domain is full; ensembles make one member.
"""
