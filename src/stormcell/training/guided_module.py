"""One step of training and of validation for guided networks, which say how likely rain rates are exceeded."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from stormcell.config import TrainingConfig
from stormcell.networks.guided import SCALE, Guided, carried_rain, exceedance_loss, paths_back
from stormcell.networks.representation import Representation
from stormcell.training.guided_samples import Layout
from stormcell.training.hits import csi, outcomes
from stormcell.training.module import NowcastModule

__all__ = ["GuidedModule", "GuidedWindow"]

_PROBABILITIES = (0.04, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)  # from which on an event is said, in validations
_HIGHEST, _POWER = 10.0, 0.7  # of the weight of levels
_FASTER = 5.0


class GuidedWindow(NamedTuple):
    """Windows taken apart, (batch, time or step, y, x).

    Attributes:
        past: x, along the motion.
        known: where the past is.
        guess: x, before it is moved.
        motion: two components [pixels per step].
        truth: what came [mm h-1].
        there: x of the guess where its rain will be.
        seen: where that is known: it comes from what the last scan saw.
    """

    past: Tensor
    known: Tensor
    guess: Tensor
    motion: Tensor
    truth: Tensor
    there: Tensor
    seen: Tensor

    @property
    def valid(self) -> Tensor:
        """Where a forecast counts: the first guess is known there, and what came was seen."""
        return self.seen & self.truth.isfinite()


class GuidedModule(NowcastModule):
    """As `NowcastModule`, with batches of `GuidedSamples` and a network that is `Guided`.

    The loss is `exceedance_loss` with weights min(L, 10)^0.7, about the inverse root of how often each level L [mm/h] is exceeded. The
    CSI of a validation is that of the best of some probabilities to say an event from.

    Args:
        network: a `Guided`.
        past: scans that are given.
        settings: how to learn.
        schedule: (step, steps) -> share of the learning rate.
        seed: of what is drawn by chance.
    """

    def __init__(self, network: Guided, past: int, settings: TrainingConfig, *, schedule: Callable[[int, int], float], seed: int) -> None:
        super().__init__(
            network, partial(_of_levels, rates=network.rates), SCALE, past, settings, sigmoid=False, schedule=schedule, seed=seed
        )

    def loss_of(self, number: int, rain_rate: Tensor) -> Tensor:
        """See `NowcastModule`; (batch, time, 1, y, x) with the time axis of `Layout`."""
        torch.manual_seed((self.seed * 1_000_003 + number) % 2**63 + self.global_rank)
        window = self.window_of(rain_rate)
        return self._shared_evenly(self._loss(self.logits_of(window), window), window.valid)

    def validation_step(self, rain_rate: Tensor, index: int) -> None:
        """See `NowcastModule`."""
        window = self.window_of(rain_rate)
        logits = self.logits_of(window)
        self.log("validation_loss", self._loss(logits, window), on_epoch=True, batch_size=len(rain_rate), sync_dist=True)
        counts = []
        for threshold in self._thresholds():
            level = self.guided.rates.index(threshold)
            event = (window.truth >= threshold - 1e-3).float()[:, :, None]
            said = logits[:, :, level, None].sigmoid()
            counts.append(
                torch.cat([outcomes((said >= least).float(), event, window.valid[:, :, None], [0.5]) for least in _PROBABILITIES])
            )
        self._counts.append(torch.stack(counts))

    def on_validation_epoch_end(self) -> None:
        """CSI at each threshold, and their mean."""
        counts = torch.stack(self._counts).sum(0)
        if self.trainer.world_size > 1:
            counts = self.all_gather(counts).sum(0)  # type: ignore[union-attr]
        best = torch.stack([csi(of_threshold).nan_to_num(0.0).max() for of_threshold in counts])
        for threshold, score in zip(self._thresholds(), best, strict=True):
            self.log(f"csi_{threshold:g}", score)
        self.log("csi", best.mean())
        self._counts = []

    def optimizer(self) -> torch.optim.Optimizer:
        """As `NowcastModule`; the anchor's few weights, each of which has a meaning, learn five times as fast and do not decay."""
        optimizer = super().optimizer()
        anchor = list(self.guided.anchor.parameters())
        (group,) = optimizer.param_groups
        group["params"] = [weights for weights in group["params"] if not any(weights is other for other in anchor)]
        optimizer.add_param_group({**group, "params": anchor, "lr": _FASTER * group["lr"], "weight_decay": 0.0})
        return optimizer

    @property
    def guided(self) -> Guided:
        """The network."""
        assert isinstance(self.network, Guided)
        return self.network

    def _thresholds(self) -> list[float]:
        return [rate for rate in super()._thresholds() if rate in self.guided.rates]

    def window_of(self, rain_rate: Tensor) -> GuidedWindow:
        """Take a batch (batch, time, 1, y, x) apart."""
        values = rain_rate[:, :, 0]
        layout = Layout(self.past, (values.shape[1] - self.past - 2) // 2)
        scans, truth = values[:, layout.scans], values[:, layout.truth]
        known = scans.isfinite()
        past = torch.where(known, self.representation.forward(scans), 0.0)
        guess, motion = self.representation.forward(values[:, layout.guess]), values[:, layout.motion]
        there, seen = carried_rain(guess[:, :, None], known[:, -1], paths_back(motion, layout.future))
        return GuidedWindow(past, known, guess, motion, truth, there[:, :, 0], seen)

    def logits_of(self, window: GuidedWindow) -> Tensor:
        """(batch, step, level, y, x)."""
        logits: Tensor = self.network(window.past, window.known, window.guess, window.motion)
        return logits.float()

    def _loss(self, logits: Tensor, window: GuidedWindow) -> Tensor:
        return self.loss(logits, window.truth[:, :, None], window.valid[:, :, None], representation=self.representation)


def _of_levels(forecast: Tensor, observed: Tensor, valid: Tensor, *, representation: Representation, rates: tuple[float, ...]) -> Tensor:
    """`exceedance_loss` as a `Loss` of logits (batch, step, level, y, x); its levels are rain rates, so `observed` is one too [mm h-1]."""
    weights = torch.tensor([min(rate, _HIGHEST) ** _POWER for rate in rates], device=forecast.device)
    return exceedance_loss(forecast, observed[:, :, 0].nan_to_num(0.0), valid[:, :, 0], levels=rates, weights=weights)
