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
from torch.nn.utils import parametrize

from stormcell.benchmark.figures import write_figures
from stormcell.benchmark.nowcast import data_folder
from stormcell.benchmark.rounds import timed_rounds
from stormcell.benchmark.skill import event_sums
from stormcell.cells.gru_gates import leaky_relu
from stormcell.cells.quantization import quantize
from stormcell.methods import GuidedForecast
from stormcell.methods.in_runtime import calls_on, core_of, demo_pasts, in_runtime
from stormcell.methods.nowcast import DEFAULT_METHOD
from stormcell.methods.trained_model import TrainedModel
from stormcell.networks.checkpoint import load_checkpoint, save_checkpoint
from stormcell.runtimes import RUNTIMES, Runtime
from stormcell.runtimes.export import convert_steps
from stormcell.runtimes.exported import Call, Forward, exported_onnx, stepped
from stormcell.runtimes.quantised import quantise_dynamic, quantise_static
from stormcell.runtimes.steps import steps_of
from stormcell.verification.balanced import Balanced
from stormcell.verification.contingency import Contingency, csi
from stormcell.verification.score import Score

__all__ = ["benchmark_runtimes"]

GRID = (640, 712)  # whole pixels of the network's coarsest grid; 640 x 710 are padded to it
PLAIN = "torch, float32, plain"
SCORED = ("bom_melbourne_2018-06-16", "fmi_2016-09-28", "knmi_2010-08-26", "meteoswiss_2017-01-31")
FEW_BITS = {"twn": 2, "bwn": 1}
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
        few_bits = _of_few_bits(trained.folder, Path(scratch))
        contestants = _in_torch(method, few_bits) | _elsewhere(method, calls, Path(scratch))
        right = contestants[PLAIN].forward(*inputs)
        off = {name: (one.forward(*inputs) - right).abs() for name, one in contestants.items()}
        runs = {name: _timed(one.forward, inputs, processor.setdefault(name, [])) for name, one in contestants.items()}
        wall = timed_rounds(runs, repeats, "runtimes")
        skill = None if data is None else _skill(data_folder(data) / "events", few_bits)
    figures: dict[str, Any] = {"grid": list(grid), "cores": os.cpu_count(), "threads": torch.get_num_threads(), "runtimes": {}}
    for name, one in contestants.items():
        figures["runtimes"][name] = {
            "median_s": statistics.median(wall[name]),
            "processor_s": statistics.median(processor[name][-repeats:]),
            "megabytes": one.megabytes,
            "largest_difference": float(off[name].max()),
            "mean_difference": float(off[name].mean()),
        }
    if skill is not None:
        figures["skill"] = skill
    page = _page(figures)
    print(page)
    write_figures(figures, page, output=output, report=report)
    return figures


def _in_torch(method: GuidedForecast, few_bits: dict[str, tuple[Path, float]]) -> dict[str, _Contestant]:
    network = method._trained.network
    megabytes = 4e-6 * sum(weight.numel() for weight in network.parameters())
    forwards = {
        PLAIN: _plain(method._trained.folder),
        "torch, float32": core_of(network),
        "torch, bfloat16": _in_bfloat16(core_of(network)),
    }
    contestants = {name: _Contestant(cast(Forward, forward), megabytes) for name, forward in forwards.items()}
    for name, (folder, size) in few_bits.items():
        contestants[name] = _Contestant(cast(Forward, core_of(TrainedModel(str(folder)).network)), size)
    return contestants


def _of_few_bits(folder: Path, scratch: Path) -> dict[str, tuple[Path, float]]:
    """Checkpoints whose recurrent weights are levels of one or two bits, made of trained ones; and their size when packed [MB]."""
    made = {}
    for scheme, bits in FEW_BITS.items():
        network, config = load_checkpoint(folder)
        quantize(core_of(network), scheme)
        few = 0
        for part in [part for part in network.modules() if parametrize.is_parametrized(part)]:
            for name in list(cast(Any, part).parametrizations):
                parametrize.remove_parametrizations(part, name)
                few += cast(Tensor, getattr(part, name)).numel()
        others = sum(weight.numel() for weight in network.parameters()) - few
        target = save_checkpoint(scratch / scheme, network.requires_grad_(False), config, title=scheme)
        made[f"torch, {scheme}, {bits} bit{'s' * (bits > 1)}"] = (target, (few * bits / 8 + 4 * others) / 1e6)
    return made


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


def _skill(events: Path, few_bits: dict[str, tuple[Path, float]]) -> dict[str, dict[str, float]]:
    """Scores of the default method in each runtime and precision, over all events: name -> threshold, or "b_mse" -> value."""
    named = {"torch, float32": "torch:float32", "torch, bfloat16": "torch:bfloat16"}
    for runtime in RUNTIMES.values():
        if runtime.format is not None and find_spec(runtime.package) is not None and find_spec("onnxscript") is not None:
            named |= {f"{runtime.name}, {precision}": f"{runtime.name}:{precision}" for precision in runtime.precisions}
    methods = {name: in_runtime(GuidedForecast(DEFAULT_METHOD), runtime) for name, runtime in named.items()}
    methods |= {name: GuidedForecast(folder) for name, (folder, _) in few_bits.items()}
    scores: dict[str, Score] = {"counts": Contingency(THRESHOLDS), "balanced": Balanced()}
    totals: dict[str, dict[str, xr.DataArray]] = {}
    for event in SCORED:
        for name, found in event_sums(events / event, methods, scores, lead_minutes=LEADS, past=5, every=EVERY).items():
            sums = {label: table.sum("lead_time") for label, table in found.items()}
            totals[name] = {label: totals[name][label] + table for label, table in sums.items()} if name in totals else sums
    return {
        name: dict(zip(map(str, THRESHOLDS), csi(sums["counts"]).values.tolist(), strict=True))
        | {"b_mse": float(scores["balanced"].value(sums["balanced"])["b_mse"])}
        for name, sums in totals.items()
    }


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
        "calibrated on the demo storm; in the table of skill it is the one that ships, which is calibrated on windows of training",
        "too. *bwn* and *twn* have binary and ternary recurrent weights with one scale a gate, made of the trained ones without training",
        "again; their size is that of packed bits. No runtime here has convolutions of bits: they run in float32.",
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
        f"{', '.join(SCORED)}, and B-MSE a frame; in brackets how they differ from those of float32 in torch.",
        "",
        "| runtime | " + " | ".join("B-MSE" if name == "b_mse" else f"{name} mm/h" for name in exact) + " |",
        "|---|" + "---|" * len(exact),
    ]
    for name, values in skill.items():
        digits = {label: 2 if label == "b_mse" else 4 for label in values}
        cells = (f"{value:.{digits[label]}f} ({value - exact[label]:+.{digits[label]}f})" for label, value in values.items())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines
