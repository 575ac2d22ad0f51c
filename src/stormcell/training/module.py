"""One step of training and of validation, as Lightning calls them."""

import math
from collections.abc import Callable
from typing import cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, parametrize

from stormcell.cells.quantization import update_curvature
from stormcell.config import TrainingConfig
from stormcell.errors import TrainingError
from stormcell.networks.autoregressive import NextFrame
from stormcell.networks.losses import Loss
from stormcell.networks.predrnn import ZigZag, decoupled_predictions
from stormcell.networks.representation import Representation
from stormcell.training.hits import THRESHOLDS, csi, outcomes
from stormcell.training.parts import parts_of

__all__ = ["NowcastModule"]


class NowcastModule(LightningModule):
    """Windows of past and future frames in, the loss of the forecast out.

    A batch is (number, rain rate (batch, time, 1, y, x)). Whatever is drawn by chance in a step (dropout, which frames are true) is drawn
    from (seed, number of the batch), so a run that goes on from a checkpoint is the run that was never stopped.

    Args:
        network: forward(past, steps) -> future; a `NextFrame` is trained frame by frame where scheduled sampling is asked for.
        loss: of what the network gives.
        representation: the scale on which it is measured.
        past: frames that are given.
        settings: how to learn.
        sigmoid: whether the network gives logits.
        schedule: (step, steps) -> share of the learning rate.
        seed: of what is drawn by chance.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        representation: Representation,
        past: int,
        settings: TrainingConfig,
        *,
        sigmoid: bool,
        schedule: Callable[[int, int], float],
        seed: int,
    ) -> None:
        super().__init__()
        self.network, self.loss, self.representation = network, loss, representation
        self.past, self.settings, self.sigmoid, self.schedule, self.seed = past, settings, sigmoid, schedule, seed
        self._counts: list[Tensor] = []

    def forward(self, past: Tensor, steps: int) -> Tensor:
        """The forecast on the scale of the loss, not yet through a sigmoid."""
        how = self.settings
        with parametrize.cached():  # levels of quantised weights are made once, not at every step in time
            forecast: Tensor = self.network(past, steps, truncate=how.truncate, checkpoint_every=how.checkpoint_every)
        return forecast

    def training_step(self, batch: tuple[int, Tensor], index: int) -> Tensor:
        """The loss of one batch."""
        number, rain_rate = batch
        loss = self.loss_of(number, rain_rate)
        self._refuse_nonsense(loss, number)
        self.log("loss", loss.detach(), on_step=True, on_epoch=False)
        return loss

    def loss_of(self, number: int, rain_rate: Tensor) -> Tensor:
        """The loss of batch `number`, (batch, time, 1, y, x) [mm/h] or grey."""
        torch.manual_seed((self.seed * 1_000_003 + number) % 2**63 + self.global_rank)
        frames = self.representation.forward(rain_rate)
        valid = frames.isfinite()
        seen = torch.where(valid, frames, 0.0)
        given = self._given(seen, number)
        extra: Tensor | float = 0.0
        if given is None:
            forecast, first = self(seen[:, : self.past], seen.shape[1] - self.past), self.past
        else:
            forecast, extra = self._one_by_one(seen[:, :-1], given)
            first = 1
        loss = self.loss(forecast.float(), frames[:, first:], valid[:, first:], representation=self.representation)
        return self._shared_evenly(loss, valid[:, first:]) + extra

    def validation_step(self, rain_rate: Tensor, index: int) -> None:
        """Loss and outcomes of one batch, added up until the end of the validation."""
        frames = self.representation.forward(rain_rate)
        valid = frames.isfinite()
        forecast = self(torch.where(valid, frames, 0.0)[:, : self.past], frames.shape[1] - self.past).float()
        future, known = frames[:, self.past :], valid[:, self.past :]
        loss = self.loss(forecast, future, known, representation=self.representation)
        self.log("validation_loss", loss, on_epoch=True, batch_size=len(frames), sync_dist=True)
        if self.representation.quantity == "reflectivity":
            levels = [self.representation.level(threshold) for threshold in self._thresholds()]
            self._counts.append(outcomes(forecast.sigmoid() if self.sigmoid else forecast, future, known, levels))

    def on_validation_epoch_end(self) -> None:
        """CSI at each threshold, of all windows together, and their mean."""
        if self._counts:
            counts = torch.stack(self._counts).sum(0)
            if self.trainer.world_size > 1:
                counts = cast(Tensor, self.all_gather(counts)).sum(0)
            scores = csi(counts)
            for threshold, score in zip(self._thresholds(), scores, strict=True):
                self.log(f"csi_{threshold:g}", score)
            self.log("csi", scores.nanmean())
        self._counts = []

    def _thresholds(self) -> list[float]:
        """Those that the network's scale can tell from no rain, and from more."""
        return [rate for rate in THRESHOLDS if self.representation.dry_below <= rate < self.representation.top]

    def optimizer(self) -> torch.optim.Optimizer:
        """The optimiser, at its highest learning rate."""
        how = self.settings
        weights = self.network.parameters()
        if how.optimizer == "rmsprop":  # the decay of Shi et al. (2015)
            return torch.optim.RMSprop(weights, how.learning_rate, alpha=0.9, eps=1e-6, weight_decay=how.weight_decay)
        if how.optimizer == "adagrad":
            return torch.optim.Adagrad(weights, how.learning_rate, weight_decay=how.weight_decay)
        kind = torch.optim.AdamW if how.optimizer == "adamw" else torch.optim.Adam
        return kind(weights, how.learning_rate, betas=how.betas, weight_decay=how.weight_decay)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The optimiser, and the learning rate over its steps."""
        how, optimizer = self.settings, self.optimizer()
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.schedule(step, how.steps))
        return OptimizerLRSchedulerConfig(optimizer=optimizer, lr_scheduler={"scheduler": schedule, "interval": "step"})

    def configure_gradient_clipping(
        self, optimizer: torch.optim.Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Hold the gradient's norm to `clip`, of the whole network or of each of its parts."""
        parts = parts_of(self.network) if self.settings.clip_parts else iter([("network", list(self.network.parameters()))])
        for name, weights in parts:
            norm = clip_grad_norm_(weights, self.settings.clip or math.inf)
            self.log(f"gradient_{name}", norm, on_step=True, on_epoch=False)
            if not norm.isfinite():
                raise TrainingError(
                    f"step {self.global_step}: the gradient of the {name} is {norm.item()}; lower training.learning_rate or training.clip, "
                    "or train in 32-true. The last checkpoint is as it was"
                )

    def on_train_batch_end(self, outputs: object, batch: object, batch_idx: int) -> None:
        """Hand the optimiser's second moments to quantised weights that want them."""
        update_curvature(self.network, cast(torch.optim.Optimizer, self.optimizers(use_pl_optimizer=False)))

    def _given(self, seen: Tensor, number: int) -> Tensor | None:
        """Which frames are true ones, (batch, time - 1) bool; None if the network is to live on its own forecasts."""
        weaning = self.settings.scheduled_sampling
        if not (weaning and isinstance(self.network, NextFrame)):
            return None
        share = max(0.0, 1.0 - number / weaning)
        given = torch.rand(len(seen), seen.shape[1] - 1, device=seen.device) < share
        given[:, : self.past] = True
        return given

    def _one_by_one(self, frames: Tensor, given: Tensor) -> tuple[Tensor, Tensor | float]:
        assert isinstance(self.network, NextFrame)
        how, cell = self.settings, self.network.cell
        if how.decoupling and isinstance(cell, ZigZag) and cell.adapter is not None:
            forecast, alike = decoupled_predictions(
                self.network, frames, given, truncate=how.truncate, checkpoint_every=how.checkpoint_every
            )
            return forecast, how.decoupling * alike
        forecast, _ = self.network.predictions(frames, given, truncate=how.truncate, checkpoint_every=how.checkpoint_every)
        return forecast, 0.0

    def _shared_evenly(self, loss: Tensor, valid: Tensor) -> Tensor:
        """The mean over this process's pixels so weighted that the mean over processes is the mean over all pixels."""
        if self._trainer is None or self.trainer.world_size == 1:
            return loss
        own = valid.sum().float()
        return loss * (own / cast(Tensor, self.all_gather(own)).mean().clamp(min=1))

    def _refuse_nonsense(self, loss: Tensor, number: int) -> None:
        if not loss.isfinite():
            odd = [name for name, weights in self.network.named_parameters() if not weights.isfinite().all()]
            cause = f"weights that are no numbers: {odd[0]} and {len(odd) - 1} more" if odd else "the forecast itself overflowed"
            raise TrainingError(
                f"step {self.global_step}, batch {number}: the loss is {loss.item()} ({cause}); lower training.learning_rate or "
                "training.clip, or train in 32-true. The last checkpoint is as it was"
            )
