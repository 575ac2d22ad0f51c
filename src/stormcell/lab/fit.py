"""The loop with which small networks of the lab learn."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from stormcell.progress import track

__all__ = ["fit"]


def fit(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[int], Tensor],
    what: str,
    *,
    steps: int,
    learning_rate: float = 1e-3,
    clip: float = 0.0,
    decay: bool = False,
) -> list[float]:
    """Adam on the loss of each step.

    Args:
        parameters: what is learnt.
        loss: from the number of the step to the loss of a batch, which it draws itself.
        what: learns, for the progress bar: "LSTM".
        steps: how many.
        learning_rate: of Adam.
        clip: norm to which gradients are cut; 0 for none.
        decay: let the learning rate fall to zero along half a cosine, so that training does not end on an unlucky step.

    Returns:
        the loss of each step.
    """
    learnt = list(parameters)
    optimizer = torch.optim.Adam(learnt, lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps) if decay else None
    losses = []
    for step in track(range(steps), what):
        optimizer.zero_grad()
        current = loss(step)
        current.backward()  # type: ignore[no-untyped-call]
        if clip:
            nn.utils.clip_grad_norm_(learnt, clip)
        optimizer.step()
        if schedule is not None:
            schedule.step()
        losses.append(float(current.detach()))
    return losses
