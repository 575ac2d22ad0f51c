"""`stormcell benchmark cells`: how fast the recurrent cells are beside the plain way and beside torch's own, in one run."""

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stormcell.atomic import replacing
from stormcell.benchmark.plain_cells import PlainConvGRU, PlainConvLSTM, PlainTrajGRU
from stormcell.cells import GRU, LSTM, ConvGRU, ConvLSTM, TrajGRU, unroll, unroll_fused
from stormcell.networks.cost import cost_of
from stormcell.progress import track

__all__ = ["benchmark_cells"]

BATCH, STEPS, CHANNELS, GRID = 4, 10, 64, 64
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
            "images": _images(repeats),
            "vectors": _vectors(repeats),
            "memory_mb": _memory(),
        }
    finally:
        torch.set_num_threads(before)
    page = _page(figures)
    print(page)
    for path, text in ((output, json.dumps(figures, indent=2) + "\n"), (report, page)):
        if path:
            with replacing(path) as beside:
                beside.write_text(text)
    return figures


def _matmul_rates() -> dict[str, float]:
    """Billions of operations a second that this machine's matrix product reaches."""
    rates = {}
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.randn(2048, 2048).to(dtype)
        times = _timed([lambda a=a: a @ a], 15)[0]  # type: ignore[misc]
        rates[str(dtype).removeprefix("torch.")] = 2 * 2048**3 / statistics.median(times) / 1e9
    return rates


def _images(repeats: int) -> dict[str, dict[str, dict[str, float]]]:
    """Milliseconds of inference and of a training step: the plain way, ours in float32, ours in bfloat16 in its best layout."""
    x = torch.randn(BATCH, STEPS, CHANNELS, GRID, GRID)
    # The layout in which each is quickest: warped states come out of `grid_sample` with their channels first.
    last, first = torch.channels_last, torch.contiguous_format
    pairs: dict[str, tuple[nn.Module, Callable[[], nn.Module], torch.memory_format]] = {
        "ConvLSTM 5x5": (PlainConvLSTM(CHANNELS, CHANNELS, 5), partial(ConvLSTM, CHANNELS, CHANNELS, 5, 5, peepholes=False), last),
        "ConvGRU 5x5": (PlainConvGRU(CHANNELS, CHANNELS, 5), partial(ConvGRU, CHANNELS, CHANNELS, 5, 5), last),
        "TrajGRU, 13 links": (PlainTrajGRU(CHANNELS, CHANNELS, 13), partial(TrajGRU, CHANNELS, CHANNELS, links=13), first),
    }
    figures = {}
    for name, (plain, build, layout) in track(pairs.items(), "images", total=len(pairs)):
        ours, fast = build(), build().to(memory_format=layout)  # type: ignore[call-overload]
        runs: dict[str, tuple[nn.Module, Run]] = {
            "plain": (plain, lambda plain=plain: plain(x)),  # type: ignore[misc]
            "float32": (ours, lambda ours=ours: unroll(ours, x)[0]),  # type: ignore[misc]
            "bfloat16": (fast, lambda fast=fast: _in_bfloat16(lambda: unroll(fast, x)[0])),  # type: ignore[misc]
        }
        inference = _timed([partial(_without_gradients, run) for _, run in runs.values()], repeats)
        training = _timed([partial(_training_step, module, run) for module, run in runs.values()], repeats)
        flops = cost_of(build, lambda cell: unroll(cell, torch.empty(x.shape))[0]).flops  # type: ignore[arg-type]
        figures[name] = {
            way: {"inference_ms": statistics.median(i) * 1e3, "training_ms": statistics.median(t) * 1e3, "gflop": flops / 1e9}
            for way, i, t in zip(runs, inference, training, strict=True)
        }
    return figures


def _vectors(repeats: int) -> dict[str, dict[str, float]]:
    """Vector cells beside torch's own, a training step and inference: ours over torch's time."""
    x = torch.randn(32, 100, 128)
    figures = {}
    for name, ours, theirs in (
        ("LSTM", LSTM(128, 256), nn.LSTM(128, 256, batch_first=True)),
        ("GRU", GRU(128, 256), nn.GRU(128, 256, batch_first=True)),
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


def _memory() -> dict[str, dict[str, float]]:
    """What training keeps for the backward pass at three lengths."""

    def kept(steps: int) -> float:
        shape = (1, steps, CHANNELS, GRID, GRID)
        build = partial(ConvLSTM, CHANNELS, CHANNELS, 5, 5, peepholes=False)
        return cost_of(build, lambda cell: unroll(cell, torch.empty(shape))[0]).training_bytes / 1e6  # type: ignore[arg-type]

    return {"ConvLSTM 5x5, batch 1": {f"{steps} steps": kept(steps) for steps in (10, 20, 40)}}


def _timed(runs: list[Callable[[], Any]], repeats: int) -> list[list[float]]:
    """Seconds of each, rounds of all interleaved; the first round warms up."""
    times: list[list[float]] = [[] for _ in runs]
    for number in range(repeats + 1):
        for run, mine in zip(runs, times, strict=True):
            start = time.perf_counter()
            run()
            if number:
                mine.append(time.perf_counter() - start)
    return times


def _in_bfloat16(run: Run) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return run()


def _without_gradients(run: Run) -> None:
    with torch.no_grad():
        run()


def _training_step(module: nn.Module, run: Run) -> None:
    module.zero_grad()
    loss = run().float().square().mean()
    torch.autograd.backward(loss)


def _page(figures: dict[str, Any]) -> str:
    rates = figures["matmul_gflops"]
    lines = [
        "# Speed of the recurrent cells",
        "",
        "Written by `stormcell benchmark cells --report docs/benchmarks/cells.md`. Medians of interleaved rounds in one process,",
        f"torch {figures['torch']}, {figures['threads']} threads; {CHANNELS} channels, {GRID}x{GRID} pixels, batch {BATCH}, {STEPS} steps.",
        "The plain way puts input and state together for one convolution a step, in float32 (`benchmark/plain_cells.py`); bfloat16 is",
        "autocast, with channels last but for TrajGRU. Share: of this machine's matrix product in the same precision",
        f"({rates['float32']:.0f} GFLOP/s in float32, {rates['bfloat16']:.0f} in bfloat16); a training step counts as three passes.",
        "",
        "| cell | way | inference ms | times plain | share | training ms | times plain | share |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, ways in figures["images"].items():
        for way, row in ways.items():
            rate = rates["bfloat16" if way == "bfloat16" else "float32"]
            shares = [row["gflop"] * passes / (row[f"{kind}_ms"] / 1e3) / rate for kind, passes in (("inference", 1), ("training", 3))]
            faster = [ways["plain"][f"{kind}_ms"] / row[f"{kind}_ms"] for kind in ("inference", "training")]
            lines.append(
                f"| {name} | {way} | {row['inference_ms']:.0f} | {faster[0]:.2f} | {shares[0]:.0%} "
                f"| {row['training_ms']:.0f} | {faster[1]:.2f} | {shares[1]:.0%} |"
            )
    lines += ["", "| vector cell | inference, times torch.nn's time | training |", "|---|---|---|"]
    lines += [f"| {name} | {row['inference_ratio']:.2f} | {row['training_ratio']:.2f} |" for name, row in figures["vectors"].items()]
    lines += ["", "| kept for the backward pass | MB |", "|---|---|"]
    lines += [f"| {name}, {length} | {size:.1f} |" for name, row in figures["memory_mb"].items() for length, size in row.items()]
    return "\n".join(lines) + "\n"
