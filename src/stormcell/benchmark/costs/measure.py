"""Every combination in a process of its own, in rounds, so that whatever else the machine does falls on all of them alike."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stormcell.benchmark.costs.choice import Choice, Combination
from stormcell.benchmark.costs.domain import scans_for
from stormcell.benchmark.costs.record import STAGES, Cost, Costs, Samples
from stormcell.benchmark.costs.stages import LEAD_TIMES
from stormcell.benchmark.process import Told, told_alone
from stormcell.data.readers.odim import write_odim
from stormcell.errors import StormcellError
from stormcell.progress import track

__all__ = ["measure_costs"]

_STAGES, _RATES = "stormcell.benchmark.costs.stages", "stormcell.benchmark.costs.rates"
_SCANS = 8  # as many as any method reads


def measure_costs(choice: Choice, *, processes: int, limit: float) -> Costs:
    """Measure.

    One that fails is not tried again: its cost says why it failed, and holds what it told before. A runtime's files are exported before
    anything is timed. The machine's own rates are measured before each round, and after the last.

    Args:
        choice: what.
        processes: of each combination, one in each round.
        limit: seconds that each process may take.

    Raises:
        StormcellError: the machine's rates cannot be measured.
    """
    matrix_product, memory_copy, threads = Samples(), Samples(), 0
    combinations = list(choice.combinations())
    costs = {one: Cost(one.method, *one.shape, one.runtime) for one in combinations}
    with tempfile.TemporaryDirectory() as folder:
        scans = {shape: Path(folder) / f"{shape[0]}x{shape[1]}" for shape in choice.shapes}
        for shape, place in scans.items():
            write_odim(scans_for(shape, _SCANS), place)
        unable = _exported(choice, limit)
        costs = {one: replace(cost, failure=unable.get((one.method, one.runtime))) for one, cost in costs.items()}
        counted: dict[str, float] = {}
        for turn in range(processes + 1):
            rates = _rates(limit)
            matrix_product.add(*rates["matrix_product"])
            memory_copy.add(*rates["memory_copy"])
            threads = rates["threads"]
            able = [one for one in combinations if costs[one].failure is None] if turn < processes else []
            for one in track(able, f"round {turn + 1} of {processes}"):
                count = one.runtime != "-" and one.method not in counted
                told = _measured(one, scans[one.shape], count, limit)
                if "flop_per_pixel" in told.values:
                    counted[one.method] = told.values["flop_per_pixel"]
                costs[one] = _with(costs[one], told, counted.get(one.method))
    return Costs(LEAD_TIMES, threads, matrix_product, memory_copy, list(costs.values()))


def _rates(limit: float) -> dict[str, Any]:
    told = told_alone(_RATES, {}, limit=limit)
    if told.failure:
        raise StormcellError(f"the machine's rates cannot be measured: {told.failure}")
    return told.values


def _exported(choice: Choice, limit: float) -> dict[tuple[str, str], str]:
    """Start every method in every runtime that needs files, so that they are there; (method, runtime) -> why that fails."""
    pairs = [(method, runtime) for method, runtimes in choice.runtimes.items() for runtime in runtimes if runtime not in ("-", "torch")]
    failures = {}
    for method, runtime in track(pairs, "exports"):
        asked = {"method": method, "runtime": runtime, "scans": None, "count": False, "spawned": time.monotonic()}
        if failure := told_alone(_STAGES, asked, limit=limit).failure:
            failures[method, runtime] = failure
    return failures


def _measured(one: Combination, scans: Path, count: bool, limit: float) -> Told:
    asked = {"method": one.method, "runtime": one.runtime, "scans": str(scans), "count": count, "spawned": time.monotonic()}
    return told_alone(_STAGES, asked, limit=limit)


def _with(cost: Cost, told: Told, flop_per_pixel: float | None) -> Cost:
    """A cost with what one more process told."""
    values: Mapping[str, Any] = told.values
    seconds = {stage: cost.seconds.get(stage, Samples()) for stage in STAGES if stage in cost.seconds or stage in values}
    for stage, samples in seconds.items():
        if stage in values:
            samples.add(*values[stage])
    return replace(
        cost,
        seconds=seconds,
        peak_mb=cost.peak_mb + ([values["peak_mb"]] if "peak_mb" in values else []),
        field_gb=values.get("field_gb", cost.field_gb),
        gflop=cost.gflop if flop_per_pixel is None else flop_per_pixel * cost.rows * cost.columns / 1e9,
        failure=told.failure,
    )
