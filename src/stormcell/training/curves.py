"""`curves.csv`: what was measured at which step, and nothing twice when a run goes on."""

import csv
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from stormcell.training.rows import keep_rows

__all__ = ["CURVES", "Curves"]

CURVES = "curves.csv"
_COLUMNS = ("step", "quantity", "value")


class Curves(Callback):
    """Appends (step, quantity, value) rows: the loss of every step, gradient norms, learning rate, and the scores of each validation.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / CURVES
        self._rows: list[tuple[int, str, float]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Rows of steps that are now made anew are left out."""
        if trainer.is_global_zero:
            keep_rows(self.path, _COLUMNS, trainer.global_step)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """The numbers of one step."""
        step = trainer.global_step
        self._rows.append((step, "loss", float(outputs["loss"].detach())))
        self._rows += [(step, name, float(value)) for name, value in trainer.callback_metrics.items() if name.startswith("gradient_")]
        self._rows.append((step, "learning_rate", float(trainer.optimizers[0].param_groups[0]["lr"])))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The scores, and everything to disk."""
        for name, value in trainer.callback_metrics.items():
            if name.startswith(("validation", "csi")):
                self._rows.append((trainer.global_step, name, float(value)))
        if trainer.is_global_zero:
            with self.path.open("a", newline="") as file:
                csv.writer(file).writerows(self._rows)
        self._rows = []
