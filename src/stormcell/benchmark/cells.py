"""`stormcell benchmark cells`: how fast the recurrent cells are beside the plain way and beside torch's own, in one run."""

import copy
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from stormcell.benchmark.figures import write_figures
from stormcell.benchmark.matrix_product import GFLOP, matrix_products
from stormcell.benchmark.plain_cells import PlainConvGRU, PlainConvLSTM, PlainConvTTLSTM, PlainPredRNN, PlainTrajGRU
from stormcell.benchmark.rounds import timed_rounds
from stormcell.benchmark.training_memory import BATCH as MEMORY_BATCH
from stormcell.benchmark.training_memory import TrainingCost, training_cost
from stormcell.cells import GRU, LSTM, ConvGRU, ConvLSTM, ConvTTLSTM, TrajGRU, compile_gates, unroll, unroll_fused
from stormcell.networks.predrnn import ZigZag
from stormcell.progress import track

__all__ = ["benchmark_cells"]

BATCH, STEPS, CHANNELS, GRID = 4, 10, 64, 64
SERIES, VALUES, UNITS = (32, 100), 128, 256  # of the vector cells: batch and steps, channels in, channels out
Run = Callable[[], Tensor]


def benchmark_cells(*, output: Path | None = None, report: Path | None = None, repeats: int = 7, threads: int = 2) -> dict[str, Any]:
    """Run everything, print the tables, and write the figures if asked.

    Args:
        output: JSON file for all figures.
        report: Markdown file for the tables.
        repeats: timed rounds; all variants run once in each, and medians are reported.
        threads: of torch.

    Returns:
        The figures.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        figures = {
            "threads": threads,
            "torch": torch.__version__,
            "matmul_gflops": _matmul_rates(),
            "convolution_gflops": _convolution_rates(),
            "images": _images(repeats),
            "vectors": _vectors(repeats),
            "memory": _memory(repeats, threads),
        }
    finally:
        torch.set_num_threads(before)
    page = _page(figures)
    print(page)
    write_figures(figures, page, output=output, report=report)
    return figures


def _matmul_rates() -> dict[str, float]:
    """Billions of operations a second that this machine's matrix product reaches."""
    rates = {}
    for dtype in (torch.float32, torch.bfloat16):
        times = _timed(matrix_products(dtype), 15)
        rates[str(dtype).removeprefix("torch.")] = GFLOP / min(statistics.median(some) for some in times)
    return rates


def _convolution_rates() -> dict[str, float]:
    """Billions of operations a second of a bare 5x5 convolution to four times the channels: all that a cell could gain by precision."""
    layer = nn.Conv2d(CHANNELS, 4 * CHANNELS, 5, padding=2, bias=False)
    fast = copy.deepcopy(layer).to(torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.randn(BATCH, CHANNELS, GRID, GRID)
    rounded = image.to(torch.bfloat16, memory_format=torch.channels_last)
    with torch.no_grad():
        times = _timed([partial(layer, image), partial(fast, rounded)], 30)
    work = 2 * 25 * CHANNELS * 4 * CHANNELS * BATCH * GRID**2
    return {name: work / statistics.median(some) / 1e9 for name, some in zip(("float32", "bfloat16"), times, strict=True)}


def _images(repeats: int) -> dict[str, dict[str, dict[str, float]]]:
    """Milliseconds of inference and of a training step, and the relative error of bfloat16: the plain way, and ours in three ways."""
    x = torch.randn(BATCH, STEPS, CHANNELS, GRID, GRID)
    n = CHANNELS
    pairs: dict[str, tuple[nn.Module, Callable[[], nn.Module]]] = {
        "ConvLSTM 5x5": (PlainConvLSTM(n, n, 5), partial(ConvLSTM, n, n, 5, 5, peepholes=False)),
        "ConvGRU 5x5": (PlainConvGRU(n, n, 5), partial(ConvGRU, n, n, 5, 5)),
        "TrajGRU, 13 links": (PlainTrajGRU(n, n, 13), partial(TrajGRU, n, n, links=13)),
        "ConvTTLSTM 5x5": (PlainConvTTLSTM(n, n, 5), partial(ConvTTLSTM, n, n, 5)),
        "PredRNN, 2 layers": (PlainPredRNN(n, n, 2, 5), partial(ZigZag, n, n, 2)),
    }
    figures = {}
    for name, (plain, build) in track(pairs.items(), "images", total=len(pairs)):
        ours = _with_flows(build())
        fast = copy.deepcopy(ours).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        compiled = copy.deepcopy(fast)
        runs: dict[str, tuple[nn.Module, Run]] = {
            "plain": (plain, partial(plain, x)),
            "float32": (ours, partial(_outputs, ours, x)),
            "bfloat16": (fast, partial(_in_bfloat16, fast, x)),
        }
        if name != "PredRNN, 2 layers":
            runs["bfloat16, compiled gates"] = (compile_gates(compiled), partial(_in_bfloat16, compiled, x))
        inference = _timed([partial(_without_gradients, run) for _, run in runs.values()], repeats)
        training = _timed([partial(_training_step, module, run) for module, run in runs.values()], repeats)
        theirs, own = (_gflop(runs[way][1]) for way in ("plain", "float32"))
        gflop = [theirs if way == "plain" else own for way in runs]  # a compiled way cannot be counted; its convolutions are the same
        with torch.no_grad():
            exact, rounded = _outputs(ours, x), _in_bfloat16(fast, x)
        error = float((exact - rounded).norm() / exact.norm())
        figures[name] = {
            way: {"inference_ms": statistics.median(i) * 1e3, "training_ms": statistics.median(t) * 1e3, "gflop": count}
            for way, i, t, count in zip(runs, inference, training, gflop, strict=True)
        }
        figures[name]["bfloat16"]["relative_error"] = error
    return figures


def _with_flows(module: nn.Module) -> nn.Module:
    """A TrajGRU whose links point somewhere, as after training: with the first weights all of them look at the pixel itself."""
    for part in module.modules():
        if isinstance(part, TrajGRU):
            nn.init.normal_(part.flow.weight, std=0.05)
    return module


def _vectors(repeats: int) -> dict[str, dict[str, float]]:
    """Vector cells beside torch's own, a training step and inference: ours over torch's time."""
    x = torch.randn(*SERIES, VALUES)
    figures = {}
    for name, ours, theirs in (
        ("LSTM", LSTM(VALUES, UNITS), nn.LSTM(VALUES, UNITS, batch_first=True)),
        ("GRU", GRU(VALUES, UNITS), nn.GRU(VALUES, UNITS, batch_first=True)),
    ):
        runs: list[tuple[nn.Module, Run]] = [
            (ours, partial(lambda cell: unroll_fused(cell, x)[0], ours)),
            (theirs, partial(lambda module: module(x)[0], theirs)),
        ]
        inference = [statistics.median(times) for times in _timed([partial(_without_gradients, run) for _, run in runs], 3 * repeats)]
        training = [
            statistics.median(times) for times in _timed([partial(_training_step, module, run) for module, run in runs], 3 * repeats)
        ]
        figures[name] = {"inference_ratio": inference[0] / inference[1], "training_ratio": training[0] / training[1]}
    return figures


def _memory(repeats: int, threads: int) -> dict[str, dict[str, float]]:
    """Peak memory of training at three lengths, and with checkpoints over time at the longest; medians of processes, interleaved."""
    ways: dict[str, tuple[int, int | None]] = {"10 steps": (10, None), "20 steps": (20, None), "40 steps": (40, None)}
    ways["40 steps, checkpoint_every=4"] = (40, 4)
    costs: dict[str, list[TrainingCost]] = {name: [] for name in ways}
    for _ in track(range(max(3, repeats // 2)), "memory"):
        for name, (steps, every) in ways.items():
            costs[name].append(training_cost(steps, every, threads=threads))
    return {
        name: {"peak_mb": statistics.median(c.peak_mb for c in some), "seconds": statistics.median(c.seconds for c in some)}
        for name, some in costs.items()
    }


def _timed(runs: list[Callable[[], Any]], repeats: int) -> list[list[float]]:
    """Seconds of each, in the order they came in."""
    return list(timed_rounds({str(number): run for number, run in enumerate(runs)}, repeats).values())


def _outputs(module: nn.Module, inputs: Tensor) -> Tensor:
    return unroll(module, inputs)[0]  # type: ignore[arg-type]


def _in_bfloat16(module: nn.Module, inputs: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return _outputs(module, inputs)


def _without_gradients(run: Run) -> None:
    with torch.no_grad():
        run()


def _gflop(run: Run) -> float:
    """Billions of operations that a run really makes in convolutions and matrix products: ours has none on a blank state."""
    with FlopCounterMode(display=False) as counter:
        _without_gradients(run)
    return float(counter.get_total_flops()) / 1e9


def _training_step(module: nn.Module, run: Run) -> None:
    """Forward and backward, from a gradient of ones as a sum gives it: no loss is timed with the cell."""
    module.zero_grad()
    outputs = run()
    torch.autograd.backward(outputs, torch.ones_like(outputs))


def _page(figures: dict[str, Any]) -> str:
    rates, bare = figures["matmul_gflops"], figures["convolution_gflops"]
    lines = [
        "# Speed of the recurrent cells",
        "",
        "Written by `stormcell benchmark cells --report docs/benchmarks/cells.md`. Medians of interleaved rounds in one process,",
        f"torch {figures['torch']}, {figures['threads']} threads; {CHANNELS} channels, {GRID}x{GRID} pixels, batch {BATCH}, {STEPS} steps.",
        "The plain way (`benchmark/plain_cells.py`) puts input and state together for one convolution a step, TrajGRU one link after the",
        "other, in float32 and the contiguous layout. bfloat16 is autocast with channels last; compiled gates are `compile_gates`. A",
        "training step is forward and backward from a given gradient. Share: of this machine's matrix product in the same precision",
        f"({rates['float32']:.0f} GFLOP/s in float32, {rates['bfloat16']:.0f} in bfloat16); a training step counts as three passes.",
        "Counted is what each way does: the first step of ours has no product with the state, which is blank. What warping does is in no",
        "product, so TrajGRU's share is low. Error: norm of bfloat16's difference over float32's.",
        "",
        f"A bare 5x5 convolution reaches {bare['float32']:.0f} GFLOP/s in float32, and in bfloat16 with channels last",
        f"{bare['bfloat16']:.0f}, {bare['bfloat16'] / bare['float32']:.2f} times as many. A cell that is all convolutions gains no more by",
        "precision; beyond that is what is saved.",
        "",
        "| cell | way | inference ms | times plain | share | training ms | times plain | share | error |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, ways in figures["images"].items():
        for way, row in ways.items():
            rate = rates["bfloat16" if way.startswith("bfloat16") else "float32"]
            shares = [row["gflop"] * passes / (row[f"{kind}_ms"] / 1e3) / rate for kind, passes in (("inference", 1), ("training", 3))]
            faster = [ways["plain"][f"{kind}_ms"] / row[f"{kind}_ms"] for kind in ("inference", "training")]
            lines.append(
                f"| {name} | {way} | {row['inference_ms']:.0f} | {faster[0]:.2f} | {shares[0]:.0%} "
                f"| {row['training_ms']:.0f} | {faster[1]:.2f} | {shares[1]:.0%} "
                f"| {format(row['relative_error'], '.2%') if 'relative_error' in row else ''} |"
            )
    lines += ["", "| vector cell | inference, times torch.nn's time | training |", "|---|---|---|"]
    lines += [f"| {name} | {row['inference_ratio']:.2f} | {row['training_ratio']:.2f} |" for name, row in figures["vectors"].items()]
    whole = figures["memory"]["40 steps"]
    lines += ["", f"Peak memory of training, measured: ConvLSTM 5x5, batch {MEMORY_BATCH}, float32.", ""]
    lines += ["| length | MB | of 40 steps | seconds | of 40 steps |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {row['peak_mb']:.0f} | {row['peak_mb'] / whole['peak_mb']:.2f} "
        f"| {row['seconds']:.2f} | {row['seconds'] / whole['seconds']:.2f} |"
        for name, row in figures["memory"].items()
    ]
    return "\n".join(lines) + "\n"
