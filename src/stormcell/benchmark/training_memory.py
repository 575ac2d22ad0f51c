"""What a training step needs at its peak, measured: in a process of its own, as a process never gives its peak back."""

import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from stormcell.benchmark.process import peak_mb
from stormcell.cells import ConvLSTM, unroll

__all__ = ["TrainingCost", "training_cost"]

CHANNELS, GRID, BATCH = 64, 64, 2


class TrainingCost(NamedTuple):
    """Memory at the peak beyond what the process held before, inputs included [MB], and the time of one training step [s]."""

    peak_mb: float
    seconds: float


def training_cost(steps: int, checkpoint_every: int | None = None, *, threads: int = 2) -> TrainingCost:
    """One forward and backward pass of a ConvLSTM (64 channels, 5x5, 64x64, batch 2, float32), after a short one to warm up.

    Args:
        steps: length of the sequence.
        checkpoint_every: as `unroll` takes it.
        threads: of torch.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        return alone.submit(_measure, steps, checkpoint_every, threads).result()


def _measure(steps: int, checkpoint_every: int | None, threads: int) -> TrainingCost:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    cell = ConvLSTM(CHANNELS, CHANNELS, 5, 5, peepholes=False)

    def train(inputs: Tensor) -> float:
        start = time.perf_counter()
        outputs, _ = unroll(cell, inputs, checkpoint_every=checkpoint_every)
        torch.autograd.backward(outputs.sum())
        return time.perf_counter() - start

    train(torch.randn(BATCH, 2, CHANNELS, GRID, GRID))
    inputs = torch.randn(BATCH, steps, CHANNELS, GRID, GRID)
    with _Peak() as peak:
        seconds = train(inputs)
    return TrainingCost(peak.megabytes, seconds)


class _Peak:
    """The most memory that this process held while it was open, beyond what it held before [MB]."""

    megabytes = 0.0

    def __enter__(self) -> "_Peak":
        self._before, self._done = _resident_mb(), threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._done.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._done.wait(0.005):
            self.megabytes = max(self.megabytes, _resident_mb() - self._before)


def _resident_mb() -> float:
    """What this process holds in memory now."""
    status = Path("/proc/self/statm")
    if status.exists():
        import resource

        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return peak_mb()  # of the whole life so far: a bound from above that still rises with the length
