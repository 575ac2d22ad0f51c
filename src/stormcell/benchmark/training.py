"""`stormcell benchmark training`: windows a second of the radar networks, beside the same networks made the plain way."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stormcell.benchmark.figures import write_figures
from stormcell.benchmark.plain_network import PlainConvGRUStep, PlainTrajGRUStep
from stormcell.benchmark.rounds import timed_rounds
from stormcell.data.archive import Archive
from stormcell.data.archive_samples import ArchiveSamples
from stormcell.data.synthetic import synthetic_storm
from stormcell.data.windows import find_windows
from stormcell.frames import grid_of, step_of
from stormcell.networks.encoder_forecaster import CellBuilder, EncoderForecaster
from stormcell.networks.losses import weighted_sum
from stormcell.networks.pyramid import pyramid
from stormcell.networks.representation import Representation

__all__ = ["benchmark_training"]

BATCH, PAST, FUTURE, GRID, LINKS = 8, 5, 15, 64, 5
HIDDEN = (24, 48, 64)
_PLAIN: dict[str, CellBuilder] = {
    "convgru": lambda inputs, channels: PlainConvGRUStep(inputs, channels, 3),
    "trajgru": lambda inputs, channels: PlainTrajGRUStep(inputs, channels, LINKS),
}


def benchmark_training(*, output: Path | None, report: Path | None, repeats: int) -> dict[str, Any]:
    """Time whole steps of training, ours and plain in turn, and print a table.

    Args:
        output: also all figures, as JSON.
        report: also the table, as Markdown.
        repeats: rounds; the median counts.
    """
    with tempfile.TemporaryDirectory() as folder:
        samples = _samples(Path(folder))
        values = samples.batch(0, BATCH).values
        drawing = _seconds_to_draw(samples)
    frames = Representation().forward(torch.from_numpy(values)[:, :, None])
    figures: dict[str, Any] = {"threads": torch.get_num_threads(), "torch": torch.__version__, "draw_ms": drawing * 1e3, "networks": {}}
    for cell, plain_cell in _PLAIN.items():
        ours = pyramid(cell, hidden=HIDDEN, links=LINKS)
        plain = _plain(cell, plain_cell)
        fast = pyramid(cell, hidden=HIDDEN, links=LINKS)
        fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's own stubs leave this one out
        runs = {
            "plain": _step(plain, frames, bfloat16=False),
            "float32": _step(ours, frames, bfloat16=False),
            "bfloat16": _step(fast, frames, bfloat16=True),
        }
        times = {name: statistics.median(seconds) for name, seconds in timed_rounds(runs, repeats, cell).items()}
        figures["networks"][cell] = {
            name: {
                "windows_per_second": BATCH / seconds,
                "times_plain": times["plain"] / seconds,
                "share_of_drawing": drawing / (seconds + drawing),
            }
            for name, seconds in times.items()
        }
    text = _table(figures)
    print(text)
    write_figures(figures, text, output=output, report=report)
    return figures


def _plain(cell: str, build: CellBuilder) -> EncoderForecaster:
    """The same stages around plain cells."""
    network = pyramid(cell, hidden=HIDDEN, links=LINKS)
    for cells in (network.readers, network.writers):
        for place, ours in enumerate(cells):
            given = ours.input_convolution
            cells[place] = build(given.in_channels if isinstance(given, nn.Conv2d) else None, ours.channels)  # type: ignore[arg-type]
    return network


def _step(network: nn.Module, frames: Tensor, *, bfloat16: bool) -> Callable[[], None]:
    """A step of training: forward, backward, optimiser."""
    loss_of = weighted_sum({"b-mse": 1.0, "b-mae": 1.0})
    optimizer = torch.optim.AdamW(network.parameters())
    valid = frames.isfinite()
    seen = torch.where(valid, frames, 0.0)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            forecast = network(seen[:, :PAST], FUTURE)
        loss = loss_of(forecast.float(), frames[:, PAST:], valid[:, PAST:], representation=Representation())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()

    return step


def _samples(folder: Path) -> ArchiveSamples:
    """Windows of a storm of our own making, from an archive, as in a run."""
    storm = synthetic_storm(60, shape=(GRID, GRID))
    with Archive.create(folder / "storm.zarr", grid_of(storm), step_of(storm), start=storm["time"].values[0]) as archive:
        archive.append(storm)
    archive = Archive(folder / "storm.zarr")
    return ArchiveSamples(archive, find_windows(archive, PAST + FUTURE))


def _seconds_to_draw(samples: ArchiveSamples, count: int = 30) -> float:
    """To draw one batch, median."""
    seconds = []
    for number in range(count):
        start = time.perf_counter()
        samples.batch(number, BATCH)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _table(figures: dict[str, Any]) -> str:
    lines = [
        "# Speed of training",
        "",
        "Written by `stormcell benchmark training --report docs/benchmarks/training.md`. Medians of interleaved rounds in one process,",
        f"torch {figures['torch']}, {figures['threads']} threads. A step is forward, loss, backward and optimiser for {BATCH} windows of",
        f"{PAST} frames in and {FUTURE} out, {GRID}x{GRID} pixels; the three-scale network of `experiments/radar`. The plain way",
        "(`benchmark/plain_network.py`) puts input and state together at every step, TrajGRU one link after the other, in float32 and the",
        f"contiguous layout. Drawing a batch of windows from memory takes {figures['draw_ms']:.1f} ms; its share is of the whole step,",
        "were it not drawn while the last one is learnt from.",
        "",
        "| network | way | windows a second | times plain | share of drawing |",
        "|---|---|---|---|---|",
    ]
    for cell, ways in figures["networks"].items():
        for way, of in ways.items():
            rate, times, share = of["windows_per_second"], of["times_plain"], of["share_of_drawing"]
            lines.append(f"| {cell} | {way} | {rate:.1f} | {times:.2f} | {share:.1%} |")
    return "\n".join(lines) + "\n"
