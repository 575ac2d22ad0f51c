"""Two measurements of costs side by side: how many times as long each stage takes now, and which changes are more than noise.

    ratio = (now / earlier) * (rate now / rate earlier)
    noise = spread now + spread earlier + spread of the rates, LEAST at least;   spread = (largest - smallest) / median

A stage is slower if its ratio is above 1 + noise, and faster if it is below 1 / (1 + noise), and if it differs by `LEAST_SECONDS`. The rate
is the machine's: the geometric mean of its matrix product and its memory copy, by the same clock as the stage. While its two values differ
by no more than their own spread, or `LEAST`, it is taken for the same machine, and the ratio is as measured; the spread counts anyway,
as rates that vary tell of other work on the machine. With one process alone there is no spread, and nothing is marked.
"""

import math
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from stormcell.benchmark.costs.record import STAGES, Cost, Costs, Samples

__all__ = ["Change", "Machine", "changes", "comparison_text", "machine_of"]

LEAST, LEAST_SECONDS = 0.1, 0.005
CLOCKS = ("wall", "processor")
_MEMORY = "peak MB"


@dataclass(frozen=True)
class Machine:
    """How fast the machine is now beside what it was, by one clock.

    Attributes:
        product: of the matrix product, times the earlier rate.
        copy: of the memory copy, times the earlier rate.
        rate: of both, as ratios are multiplied by it: 1 where the difference is no more than the spread.
        noise: the spread of the rates then and now, added up, the mean of both.
    """

    product: float
    copy: float
    rate: float
    noise: float


class Change(NamedTuple):
    """How one stage, or the memory, of one combination has changed.

    Attributes:
        cost: of what, now.
        what: the stage.
        clock: "wall" or "processor"; "" for memory.
        ratio: how many times the earlier.
        noise: how much of that may be chance; None if that is not known.
        enough: whether the difference is large enough for anyone to care.
    """

    cost: Cost
    what: str
    clock: str
    ratio: float
    noise: float | None
    enough: bool

    @property
    def slower(self) -> bool:
        """Beyond the noise."""
        return self.noise is not None and self.enough and self.ratio > 1 + self.noise

    @property
    def faster(self) -> bool:
        """Beyond the noise."""
        return self.noise is not None and self.enough and self.ratio < 1 / (1 + self.noise)


def machine_of(now: Costs, earlier: Costs, clock: str) -> Machine:
    """The machine now beside the earlier one."""
    pairs = [(one.of(clock), other.of(clock)) for one, other in zip(_rates(now), _rates(earlier), strict=True)]
    product, copy = (median(one) / median(other) for one, other in pairs)
    rate = math.sqrt(product * copy)
    noise = math.fsum(_spread(some) for pair in pairs for some in pair) / 2
    differs = abs(math.log(rate)) > math.log(1 + max(noise, LEAST))
    return Machine(product, copy, rate if differs else 1.0, noise)


def changes(now: Costs, earlier: Costs) -> list[Change]:
    """Of every stage that is in both, by both clocks; and of the memory, by none."""
    before = {cost.key: cost for cost in earlier.costs}
    machines = {clock: machine_of(now, earlier, clock) for clock in CLOCKS}
    found = []
    for cost in now.costs:
        if (old := before.get(cost.key)) is None:
            continue
        for stage in (stage for stage in STAGES if stage in cost.seconds and stage in old.seconds):
            for clock, machine in machines.items():
                found.append(_change(cost, stage, clock, cost.seconds[stage].of(clock), old.seconds[stage].of(clock), machine))
        if cost.peak_mb and old.peak_mb:
            found.append(_change(cost, _MEMORY, "", cost.peak_mb, old.peak_mb, Machine(1.0, 1.0, 1.0, 0.0)))
    return found


def comparison_text(now: Costs, earlier: Costs, *, who: str) -> str:
    """Both as Markdown: the machines, a table of ratios, what changed by more than noise, and what is in one of them only.

    Args:
        now: the measurement at hand.
        earlier: what it is held against.
        who: measured the earlier one, for a person.
    """
    found = changes(now, earlier)
    lines = [f"Beside {who}:", "", *_about_machines(now, earlier), ""]
    lines += [
        "Times the earlier: above 1 it takes longer, or more memory. Seconds that pass, and in brackets the processor's; **bold** is more "
        "than noise.",
        "",
        f"| method | domain | runtime | {' | '.join([*STAGES, _MEMORY])} |",
        "|---|---|---|" + "---|" * (len(STAGES) + 1),
    ]
    by_cost: dict[tuple[str, int, int, str], list[Change]] = {}
    for change in found:
        by_cost.setdefault(change.cost.key, []).append(change)
    lines += [_row(some) for some in by_cost.values()] or ["| none in both |" + " - |" * (len(STAGES) + 3)]
    lines += ["", *_list("Slower, or larger, by more than noise", [_says(change) for change in found if change.slower])]
    lines += _list("Faster, or smaller, by more than noise", [_says(change) for change in found if change.faster])
    lines += _list("Not measured now", _missing(earlier, now))
    lines += _list("Not measured then", _missing(now, earlier))
    lines += _list("Failed now", [f"{cost.says}: {cost.failure}" for cost in now.costs if cost.failure])
    lines += _list("Failed then", [f"{cost.says}: {cost.failure}" for cost in earlier.costs if cost.failure])
    if any(change.noise is None for change in found):
        lines += ["One process alone has no spread: nothing is marked there; measure with --processes 3 or more.", ""]
    return "\n".join(lines)


def _rates(costs: Costs) -> tuple[Samples, Samples]:
    return costs.matrix_product, costs.memory_copy


def _change(cost: Cost, what: str, clock: str, now: list[float], earlier: list[float], machine: Machine) -> Change:
    new, old = median(now), median(earlier)
    ratio = new / old * machine.rate if old else (math.inf if new else 1.0)
    noise = max(LEAST, _spread(now) + _spread(earlier) + machine.noise) if min(len(now), len(earlier)) > 1 else None
    return Change(cost, what, clock, ratio, noise, enough=what == _MEMORY or abs(new * machine.rate - old) > LEAST_SECONDS)


def _spread(some: list[float]) -> float:
    """How far apart they lie, as a share of the one in the middle."""
    return (max(some) - min(some)) / median(some) if median(some) else 0.0


def _about_machines(now: Costs, earlier: Costs) -> list[str]:
    lines = []
    for clock in CLOCKS:
        machine = machine_of(now, earlier, clock)
        meant = (
            "no more than they vary: ratios are as measured"
            if machine.rate == 1.0
            else f"another machine, or another load: ratios are multiplied by {machine.rate:.2f}, the geometric mean"
        )
        lines.append(
            f"- by the {clock}'s time the matrix product is {machine.product:.2f} times as fast as then, "
            f"the memory copy {machine.copy:.2f} times; {meant}"
        )
    return lines


def _row(some: list[Change]) -> str:
    cells = []
    for what in (*STAGES, _MEMORY):
        words = [f"**{one.ratio:.2f}**" if one.slower or one.faster else f"{one.ratio:.2f}" for one in some if one.what == what]
        cells.append(f"{words[0]} ({words[1]})" if len(words) == 2 else words[0] if words else "-")
    cost = some[0].cost
    return f"| {cost.method} | {cost.rows} x {cost.columns} | {cost.runtime} | {' | '.join(cells)} |"


def _says(change: Change) -> str:
    by = f", by the {change.clock}'s time" if change.clock else ""
    return f"{change.cost.says}: {change.what}{by}: {change.ratio:.2f} (noise {change.noise:.2f})"


def _missing(there: Costs, here: Costs) -> list[str]:
    """Combinations, or stages of one that is in both, that only the first has."""
    others = {cost.key: cost for cost in here.costs}
    lines = []
    for cost in there.costs:
        if (other := others.get(cost.key)) is None:
            lines.append(cost.says)
        elif lost := [stage for stage in STAGES if stage in cost.seconds and stage not in other.seconds]:
            lines.append(f"{cost.says}: {', '.join(lost)}")
    return lines


def _list(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", "", *(f"- {line}" for line in lines), ""] if lines else []
