"""How far a run is: one line now and then, for a person."""

import time
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from stormcell.config import TrainingConfig

__all__ = ["Report"]


class Report(Callback):
    """Says step, losses, windows per second and the time that is left.

    Args:
        say: takes a line, and whether it is worth keeping: lines between two validations are not.
        settings: of the run.
        every: seconds between two lines.
    """

    def __init__(self, say: Callable[[str, bool], None], settings: TrainingConfig, *, every: float = 5.0) -> None:
        self.say, self.settings, self.every = say, settings, every
        self._mean = self._validated = ""
        self._losses: list[torch.Tensor] = []
        self._began = self._said = time.monotonic()
        self._first = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The clock starts."""
        self._began, self._first = time.monotonic(), trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """A line that the next one may replace."""
        self._losses.append(outputs["loss"].detach())
        if time.monotonic() - self._said >= self.every:
            self._said = time.monotonic()
            self.say(self._line(trainer), False)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A line to keep, with the scores of the validation."""
        if not self._losses:
            return  # the epoch that a run goes on from, which was told of before
        scores = trainer.callback_metrics
        words = [f"validation {float(scores['validation_loss']):.4g}"] if "validation_loss" in scores else []
        levels = [name for name in scores if name.startswith("csi_")]
        if levels:
            words.append("csi " + " ".join(f"{float(scores[name]):.3f}" for name in levels))
        self._validated = "  ".join(words)
        self.say(self._line(trainer), True)
        self._losses = []

    def _line(self, trainer: Trainer) -> str:
        done, steps = trainer.global_step, self.settings.steps
        seconds = max(time.monotonic() - self._began, 1e-9)
        rate = max(done - self._first, 1) / seconds
        loss = float(torch.stack(self._losses[-200:]).mean()) if self._losses else float("nan")
        left = (steps - done) / rate
        words = [
            f"step {done}/{steps}",
            f"loss {loss:.4g}",
            self._validated,
            f"{rate * self.settings.batch:.1f} windows/s",
            f"{_span(left)} left",
        ]
        return "  ".join(word for word in words if word)


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {rest:02d} s"
