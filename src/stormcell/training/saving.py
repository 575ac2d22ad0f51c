"""What a run leaves in its folder: the last state to go on from, the best weights to use."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from stormcell.atomic import replacing
from stormcell.errors import TrainingError
from stormcell.networks.checkpoint import ModelConfig, save_checkpoint
from stormcell.training.module import NowcastModule

__all__ = ["BEST", "LAST", "Saving"]

BEST, LAST = "best", "last.ckpt"


class Saving(Callback):
    """After each validation: `last.ckpt`, all that is needed to go on; and `best/`, a model folder, where it is the best so far.

    Args:
        folder: of the run.
        describe: (step, minutes of processor time, scores) -> the configuration that goes beside the weights.
        title: heading of the model card.
        monitor: what is compared: "loss" (of the validation, the lower the better) or "csi" (the higher the better).
        patience: validations without a better one after which the run stops; 0 for never.
    """

    def __init__(
        self, folder: Path, describe: Callable[[int, float, dict[str, float]], ModelConfig], *, title: str, monitor: str, patience: int
    ) -> None:
        self.folder, self.describe, self.title = folder, describe, title
        self.monitor, self.patience = ("validation_loss", 1.0) if monitor == "loss" else ("csi", -1.0), patience
        self.best, self.since = math.inf, 0
        self.spent, self._began = 0.0, time.process_time()

    @property
    def minutes(self) -> float:
        """Of processor time that this process and those before it have spent on the run."""
        return self.spent + (time.process_time() - self._began) / 60

    def state_dict(self) -> dict[str, Any]:
        """What goes on with the run."""
        return {"best": self.best, "since": self.since, "spent": self.minutes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it up again."""
        self.best, self.since, self.spent = state_dict["best"], state_dict["since"], state_dict["spent"]

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what is better."""
        assert isinstance(pl_module, NowcastModule)
        if trainer.sanity_checking:
            return
        scores = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(("validation", "csi"))}
        name, sign = self.monitor
        if name not in scores:
            raise TrainingError(f"training.monitor: the validation has no {name}; digits have a loss only")
        value = sign * scores[name]
        if not value < self.best:
            self.since += 1
        else:
            self.best, self.since = value, 0
            if trainer.is_global_zero:
                config = self.describe(trainer.global_step, self.minutes, scores)
                save_checkpoint(self.folder / BEST, pl_module.network, config, title=self.title)
        trainer.should_stop = trainer.should_stop or bool(self.patience and self.since >= self.patience)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Everything to go on from, written as a whole; after the validation, which belongs to the epoch."""
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self.folder / LAST, weights_only=False)  # takes part, and writes nothing
            return
        with replacing(self.folder / LAST) as beside:
            trainer.save_checkpoint(beside, weights_only=False)  # the optimiser too
