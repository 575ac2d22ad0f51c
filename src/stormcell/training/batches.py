"""Batches on their way to the optimiser: numbered, so that a run can go on anywhere; drawn ahead, so that it need not wait."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from stormcell.config import TrainingConfig
from stormcell.data.samples import Samples

__all__ = ["Feed", "Numbered", "Swept"]


class Feed(LightningDataModule):
    """What Lightning asks for: the batches from one validation to the next, and the windows of a validation.

    Args:
        train: to learn from.
        validation: to validate on.
        settings: how to learn.
        validation_windows: how many windows are validated on at most.
    """

    def __init__(self, train: Samples, validation: Samples, settings: TrainingConfig, validation_windows: int) -> None:
        super().__init__()
        self.train, self.validation, self.settings, self.validation_windows = train, validation, settings, validation_windows

    def train_dataloader(self) -> DataLoader[tuple[int, Tensor]]:
        """Asked for anew at each epoch, which is the time between two validations."""
        assert self.trainer is not None
        first = self.trainer.global_step
        count = max(min(self.settings.validate_every, self.settings.steps - first), 1)  # a run that is at its end asks, and takes none
        part, parts = self.trainer.global_rank, self.trainer.world_size
        return DataLoader(Numbered(self.train, first, count, self.settings.batch, part=part, parts=parts), batch_size=None)

    def val_dataloader(self) -> DataLoader[Tensor]:
        """The windows of a validation."""
        return DataLoader(Swept(self.validation, self.validation_windows, self.settings.batch), batch_size=None)


class Numbered(IterableDataset[tuple[int, Tensor]]):
    """Training batches first, first + 1, ... of `Samples`, and their numbers; the next is drawn while one is learnt from.

    Args:
        samples: where they come from.
        first: number of the first batch.
        count: how many.
        size: windows in a batch, over all processes together.
        part: which part of each batch is this process's.
        parts: how many processes share a batch.
    """

    def __init__(self, samples: Samples, first: int, count: int, size: int, *, part: int = 0, parts: int = 1) -> None:
        self.samples, self.first, self.count, self.size, self.part, self.parts = samples, first, count, size, part, parts

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[int, Tensor]]:
        with ThreadPoolExecutor(max_workers=1) as ahead:
            coming = ahead.submit(self._draw, self.first)
            for number in range(self.first, self.first + self.count):
                values = coming.result()
                if number + 1 < self.first + self.count:
                    coming = ahead.submit(self._draw, number + 1)
                yield number, values

    def _draw(self, number: int) -> Tensor:
        values = self.samples.batch(number, self.size).values
        share = self.size // self.parts
        return _frames(values[self.part * share : (self.part + 1) * share])


class Swept(IterableDataset[Tensor]):
    """Validation windows, once each and in order.

    Args:
        samples: where they come from.
        count: how many windows at most.
        size: windows in a batch.
    """

    def __init__(self, samples: Samples, count: int, size: int) -> None:
        self.samples, self.count, self.size = samples, count, size

    def __iter__(self) -> Iterator[Tensor]:
        left = self.count
        for batch in self.samples.sweep(min(self.size, self.count)):
            yield _frames(batch.values[:left])
            left -= len(batch.values)
            if left <= 0:
                return


def _frames(values: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> Tensor:
    """(batch, time, y, x) as a tensor (batch, time, 1, y, x)."""
    return torch.from_numpy(np.ascontiguousarray(values))[:, :, None]
