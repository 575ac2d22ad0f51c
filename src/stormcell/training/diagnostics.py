"""What goes wrong inside a recurrent network while it learns: gradients that vanish or explode on their way back, units that are dead."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from stormcell.products.pictures.training_curves import draw_training_curves
from stormcell.training.activations import watching
from stormcell.training.curves import CURVES
from stormcell.training.module import NowcastModule
from stormcell.training.rows import keep_rows

__all__ = ["DIAGNOSTICS", "PICTURE", "Diagnostics", "draw_run", "gradient_by_lag"]

DIAGNOSTICS, PICTURE = "diagnostics.csv", "curves.png"
_COLUMNS = ("step", "quantity", "where", "value")
_WINDOWS = 8  # of a batch that are looked at


def gradient_by_lag(loss_of: Callable[[Tensor], Tensor], past: Tensor) -> list[float]:
    """Norm of the loss's derivative with respect to each past frame, the newest first: |dL / dx_t|, lag = 0, 1, ... steps back.

    What reaches a frame long ago has come through the recurrence as often, whatever the network. Norms that fall to nothing say that
    the network cannot learn what happened so long ago; norms that grow, that its gradients explode.

    Args:
        loss_of: from past frames to the loss of their forecast. Gradients of weights are left as they are.
        past: (batch, time, ...).

    Source:
        Pascanu et al. (2013), arXiv:1211.5063.
    """
    with torch.enable_grad():
        leaf = past.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss_of(leaf), leaf)
    norms: list[float] = gradient.transpose(0, 1).flatten(1).norm(dim=1).flip(0).tolist()
    return norms


class Diagnostics(Callback):
    """Every so many steps, looks at the network on the batch just learnt from.

    It appends to `diagnostics.csv` (step, quantity, where, value):

    - gradient: see `gradient_by_lag`; where = lag.
    - flat sigmoid, tanh, relu, leaky_relu and dead sigmoid, ...: see `Flat`; where = cell.

    The network is looked at as it forecasts (no dropout, running statistics kept as they are), and nothing of the training changes.
    At the end `curves.png` is drawn.

    Args:
        folder: of the run.
        every: steps; the first one is always looked at.
    """

    def __init__(self, folder: Path, *, every: int) -> None:
        self.folder, self.every = folder, every

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Rows of steps that are now made anew are left out."""
        if trainer.is_global_zero:
            keep_rows(self.folder / DIAGNOSTICS, _COLUMNS, trainer.global_step)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Look, if it is time."""
        step = trainer.global_step
        if not trainer.is_global_zero or (step != 1 and step % self.every):
            return
        assert isinstance(pl_module, NowcastModule)
        with (self.folder / DIAGNOSTICS).open("a", newline="") as file:
            csv.writer(file).writerows((step, *row) for row in _look(pl_module, batch[1][:_WINDOWS]))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The picture."""
        if trainer.is_global_zero and (self.folder / CURVES).exists():
            draw_run(self.folder)


def draw_run(folder: Path) -> None:
    """Draw `curves.png` of what a run has written so far: `curves.csv`, and `diagnostics.csv` if it is there."""
    diagnostics = pd.read_csv(folder / DIAGNOSTICS) if (folder / DIAGNOSTICS).exists() else None
    draw_training_curves(pd.read_csv(folder / CURVES), folder / PICTURE, diagnostics=diagnostics)


def _look(module: NowcastModule, rain_rate: Tensor) -> list[tuple[str, int | str, float]]:
    """Quantity, where and value."""
    frames = module.representation.forward(rain_rate)
    valid = frames.isfinite()
    future, known = frames[:, module.past :], valid[:, module.past :]
    with _as_it_forecasts(module), watching(module.network) as watch:

        def loss_of(past: Tensor) -> Tensor:
            with watch:
                forecast = module(past, future.shape[1])
            return module.loss(forecast.float(), future, known, representation=module.representation)

        norms = gradient_by_lag(loss_of, torch.where(valid, frames, 0.0)[:, : module.past])
    rows: list[tuple[str, int | str, float]] = [("gradient", lag, norm) for lag, norm in enumerate(norms)]
    for flat in watch.results():
        rows += [(f"flat {flat.kind}", flat.cell, flat.share), (f"dead {flat.kind}", flat.cell, flat.dead)]
    return rows


@contextmanager
def _as_it_forecasts(module: nn.Module) -> Iterator[None]:
    """In eval mode, and then each part as it was."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True
