"""`stormcell benchmark runtimes`: the default network in each runtime and precision, beside the same weights in plain PyTorch."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
import xarray as xr
from torch import Tensor, nn
from torch.nn import functional

from stormcell.benchmark.figures import write_figures
from stormcell.benchmark.nowcast import data_folder
from stormcell.benchmark.rounds import timed_rounds
from stormcell.benchmark.skill import event_counts
from stormcell.cells.gru_gates import leaky_relu
from stormcell.methods import GuidedForecast
from stormcell.methods.in_runtime import calls_on, core_of, demo_pasts, in_runtime
from stormcell.methods.nowcast import DEFAULT_METHOD
from stormcell.networks.checkpoint import load_checkpoint
from stormcell.runtimes import RUNTIMES, Runtime
from stormcell.runtimes.export import convert_steps
from stormcell.runtimes.exported import Call, Forward, exported_onnx, stepped
from stormcell.runtimes.quantised import quantise_dynamic, quantise_static
from stormcell.runtimes.steps import steps_of
from stormcell.verification.contingency import csi

__all__ = ["benchmark_runtimes"]

GRID = (640, 712)  # whole pixels of the network's coarsest grid; 640 x 710 are padded to it
PLAIN = "torch, float32, plain"
SCORED = ("bom_melbourne_2018-06-16", "fmi_2016-09-28", "knmi_2010-08-26", "meteoswiss_2017-01-31")
LEADS, THRESHOLDS, EVERY = (30, 60), (0.5, 2.0, 5.0, 10.0), 12  # minutes, mm/h, scans from issue time to issue time


@dataclass(frozen=True)
class _Contestant:
    """What does the network's work, and how large its weights are [MB]."""

    forward: Forward
    megabytes: float


def benchmark_runtimes(
    data: Path | None = None, *, output: Path | None, report: Path | None, repeats: int, grid: tuple[int, int] = GRID
) -> dict[str, Any]:
    """Time the network of the default method, 5 scans in and 12 lead times out, and print a table; with data, another of its skill.

    Args:
        data: folder that holds `events/`, for the table of skill; None for none.
        output: also all figures, as JSON.
        report: also the table, as Markdown.
        repeats: rounds; the median counts.
        grid: rows and columns [the network's pixels].
    """
    method = GuidedForecast(DEFAULT_METHOD, precision="float32")
    trained = method._trained
    calls = [call for past in demo_pasts(trained) for call in calls_on(method, core_of(trained.network), past)]
    inputs = [functional.interpolate(field, grid, mode="nearest") for field in cast(tuple[Tensor, ...], calls[-1])]
    processor: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch, torch.inference_mode():
        contestants = _in_torch(method) | _elsewhere(method, calls, Path(scratch))
        right = contestants[PLAIN].forward(*inputs)
        off = {name: (one.forward(*inputs) - right).abs() for name, one in contestants.items()}
        runs = {name: _timed(one.forward, inputs, processor.setdefault(name, [])) for name, one in contestants.items()}
        wall = timed_rounds(runs, repeats, "runtimes")
    figures: dict[str, Any] = {"grid": list(grid), "cores": os.cpu_count(), "threads": torch.get_num_threads(), "runtimes": {}}
    for name, one in contestants.items():
        figures["runtimes"][name] = {
            "median_s": statistics.median(wall[name]),
            "processor_s": statistics.median(processor[name][-repeats:]),
            "megabytes": one.megabytes,
            "largest_difference": float(off[name].max()),
            "mean_difference": float(off[name].mean()),
        }
    if data is not None:
        figures["skill"] = _skill(data_folder(data) / "events")
    page = _page(figures)
    print(page)
    write_figures(figures, page, output=output, report=report)
    return figures


def _in_torch(method: GuidedForecast) -> dict[str, _Contestant]:
    network = method._trained.network
    megabytes = 4e-6 * sum(weight.numel() for weight in network.parameters())
    forwards = {
        PLAIN: _plain(method._trained.folder),
        "torch, float32": core_of(network),
        "torch, bfloat16": _in_bfloat16(core_of(network)),
    }
    return {name: _Contestant(cast(Forward, forward), megabytes) for name, forward in forwards.items()}


def _plain(folder: Path) -> nn.Module:
    """The network with contiguous weights, and the gates as the equations stand."""
    core = core_of(load_checkpoint(folder)[0])
    for part in core.modules():
        if hasattr(part, "combine"):
            cast(Any, part).combine = _plain_gates
    return core


def _plain_gates(from_input: Tensor | None, from_state: Tensor, h: Tensor, activation: object) -> Tensor:
    assert from_input is not None  # every cell of this network has input
    (r_input, u_input, new_input), (r_state, u_state, new_state) = from_input.chunk(3, dim=1), from_state.chunk(3, dim=1)
    r, u = torch.sigmoid(r_input + r_state), torch.sigmoid(u_input + u_state)
    return u * h + (1 - u) * leaky_relu(new_input + r * new_state)


def _in_bfloat16(core: nn.Module) -> Forward:
    def forward(*inputs: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            made: Tensor = core(*inputs)
        return made.float()

    return forward


def _elsewhere(method: GuidedForecast, calls: Sequence[Call], scratch: Path) -> dict[str, _Contestant]:
    """In all runtimes that are here."""
    network = method._trained.network
    steps = steps_of(network)
    contestants: dict[str, _Contestant] = {}

    def add(name: str, runtime: Runtime, precision: str, folder: Path) -> None:
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        contestants[f"{runtime.name}, {name}"] = _Contestant(stepped(network, steps, runtime, precision, folder), size)

    for runtime in RUNTIMES.values():
        if runtime.format is None or find_spec(runtime.package) is None or find_spec("onnxscript") is None:
            continue
        onnx, place = exported_onnx(network, steps, method._trained.fingerprint), scratch / runtime.name
        whole = convert_steps(onnx, runtime.format, place / "whole")
        for precision in runtime.precisions:
            if precision != "int8":
                add(precision, runtime, precision, whole)
        if find_spec("onnxruntime") is not None:
            static = quantise_static(onnx, runtime.format, place / "static", network=network, steps=steps, calls=calls)
            add("int8, static", runtime, "int8", static)
            add("int8, dynamic", runtime, "int8", quantise_dynamic(onnx, runtime.format, place / "dynamic"))
    return contestants


def _skill(events: Path) -> dict[str, dict[str, float]]:
    """Critical success index of the default method in each runtime and precision, over all events: name -> threshold -> value."""
    named = {"torch, float32": "torch:float32", "torch, bfloat16": "torch:bfloat16"}
    for runtime in RUNTIMES.values():
        if runtime.format is not None and find_spec(runtime.package) is not None and find_spec("onnxscript") is not None:
            named |= {f"{runtime.name}, {precision}": f"{runtime.name}:{precision}" for precision in runtime.precisions}
    methods = {name: in_runtime(GuidedForecast(DEFAULT_METHOD), runtime) for name, runtime in named.items()}
    totals: dict[str, xr.DataArray] = {}
    for event in SCORED:
        counts = event_counts(events / event, methods, lead_minutes=LEADS, thresholds=THRESHOLDS, past=5, every=EVERY)
        for name, table in counts.items():
            summed = table.sum("lead_time")
            totals[name] = totals[name] + summed if name in totals else summed
    return {name: dict(zip(map(str, THRESHOLDS), csi(table).values.tolist(), strict=True)) for name, table in totals.items()}


def _timed(forward: Forward, inputs: Sequence[Tensor], seconds: list[float]) -> Callable[[], None]:
    """A run that also notes the processor's seconds."""

    def run() -> None:
        start = time.process_time()
        forward(*inputs)
        seconds.append(time.process_time() - start)

    return run


def _page(figures: dict[str, Any]) -> str:
    rows, columns = figures["grid"]
    reference = figures["runtimes"][PLAIN]
    lines = [
        "# Runtimes",
        "",
        "Written by `stormcell benchmark runtimes --data DATA --report docs/benchmarks/runtimes.md`: the network of the default method",
        f"(its recurrent part), 5 scans of {rows} x {columns} pixels in, 12 lead times out, warm, on {figures['cores']} cores. *Plain* is",
        "the same weights in PyTorch, float32, contiguous, with the gates as the equations stand. Medians of interleaved rounds: seconds",
        "that pass, and of the processor, which other work on the machine disturbs less. Differences are of logits, from plain; int8 is",
        "calibrated on the demo storm.",
        "",
        "| runtime | s | processor s | times plain's speed | by the processor's time | files MB | largest difference | mean difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, one in figures["runtimes"].items():
        lines.append(
            f"| {name} | {one['median_s']:.2f} | {one['processor_s']:.2f} | {reference['median_s'] / one['median_s']:.1f} "
            f"| {reference['processor_s'] / one['processor_s']:.1f} | {one['megabytes']:.1f} | {one['largest_difference']:.2g} "
            f"| {one['mean_difference']:.2g} |"
        )
    if "skill" in figures:
        lines += ["", *_skill_table(figures["skill"])]
    return "\n".join(lines) + "\n"


def _skill_table(skill: dict[str, dict[str, float]]) -> list[str]:
    exact = skill["torch, float32"]
    lines = [
        f"Critical success index of the whole method at {' and '.join(map(str, LEADS))} min, hits and misses summed over the events",
        f"{', '.join(SCORED)}; in brackets what it gains or loses against float32 in torch.",
        "",
        "| runtime | " + " | ".join(f"{threshold} mm/h" for threshold in exact) + " |",
        "|---|" + "---|" * len(exact),
    ]
    for name, values in skill.items():
        cells = (f"{value:.4f} ({value - exact[threshold]:+.4f})" for threshold, value in values.items())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines
