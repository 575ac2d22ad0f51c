"""A first guess made better: the anchor and the recurrent network together."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stormcell.networks.guided.anchor import Anchor
from stormcell.networks.guided.carried import at_places, paths_back
from stormcell.networks.guided.exceedance import LEVELS
from stormcell.networks.guided.residual import Residual
from stormcell.networks.representation import Representation

__all__ = ["ADDED", "SCALE", "Guided", "carried_rain"]

SCALE = Representation(low_dbz=7.0)
"""On which a guided network sees rain: 0.1 mm/h is just above dry."""

ADDED = ("member_shift", "anchor.staying")
"""Weights that folders from before them lack: with 0 in their place a network does what it did."""


class Guided(nn.Module):
    """How likely each rain rate is exceeded.

        logit P(R >= L) = anchor(first guess, last scan) + residual(past, first guess, motion)(X)

    From which probability on an event was best said on the days of training is kept in `decisions`, (step, level) logits; see
    `stormcell.training.decisions` for how they are found and `stormcell.methods.guided.decision` for what is made of them. What is added
    to the logits that members of an ensemble are drawn from, so that each level comes as often as it did on those days, is kept in
    `member_shift`, (level,); see `stormcell.training.member_shift`.

    Everything comes in the coordinates that move with the rain, and the residual works in them: what moves the rain is not to be learnt.
    Its logits are carried to where the rain will be, X being where that was at the last scan. What stays at its place is the anchor's, and
    the forecast is one of places.

    Args:
        levels: rain rates L [mm h-1], rising.
        steps: lead times that the anchor has weights for.
        squares: sides of the squares in which the anchor looks at the last scan [the model's pixels], odd.
        hidden: see `Residual`.
        cell: see there.
        kernel: see there.
        links: see there.
        together: see there.
        tail: see there.
        dropout: see there.
        network: False for the anchor alone.

    Shapes:
        past, known (batch, time, y, x), guess (batch, step, y, x), motion (batch, 2, y, x) -> (batch, step, level, y, x)
    """

    decisions: Tensor
    member_shift: Tensor

    def __init__(
        self,
        levels: Sequence[float] = LEVELS,
        *,
        steps: int = 12,
        squares: Sequence[int] = (3, 7, 15, 25),
        hidden: Sequence[int] = (24, 48, 96),
        cell: str = "convgru",
        kernel: int = 3,
        links: int = 5,
        together: int = 2,
        tail: int = 32,
        dropout: float = 0.0,
        network: bool = True,
    ) -> None:
        super().__init__()
        self.rates = tuple(float(level) for level in levels)
        if not self.rates or list(self.rates) != sorted(set(self.rates)) or self.rates[0] < SCALE.dry_below or self.rates[-1] > SCALE.top:
            raise ValueError(f"levels: expected rising rain rates from {SCALE.dry_below:g} to {SCALE.top:.0f} mm/h, got {list(levels)}")
        if any(side < 1 or side % 2 == 0 for side in squares):
            raise ValueError(f"squares: expected odd sides, got {list(squares)}")
        self.squares = tuple(squares)
        self.anchor = Anchor([SCALE.level(level) for level in self.rates], steps, len(self.squares))
        self.register_buffer("decisions", torch.full((steps, len(self.rates)), math.log(0.35 / 0.65)))
        self.register_buffer("member_shift", torch.zeros(len(self.rates)))
        self.residual = (
            Residual(len(self.rates), hidden, cell=cell, kernel=kernel, links=links, together=together, tail=tail, dropout=dropout)
            if network
            else None
        )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        own = self.state_dict()
        for name in ADDED:
            state_dict.setdefault(f"{prefix}{name}", torch.zeros_like(own[name]))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def decisions_for(self, steps: int) -> Tensor:
        """`decisions` for so many steps: the last one's for those beyond it."""
        return self.decisions[torch.arange(steps, device=self.decisions.device).clamp(max=len(self.decisions) - 1)]

    def forward(self, past: Tensor, known: Tensor, guess: Tensor, motion: Tensor) -> Tensor:
        """Logits.

        Args:
            past: x of the scans (batch, time, y, x), the newest last, carried to where the rain is now; 0 where it is not known.
            known: bool, same shape.
            guess: x of the first guess (batch, step, y, x).
            motion: (batch, 2, y, x) [pixels per step].

        Returns:
            (batch, step, level, y, x), at the places where and when it will rain.
        """
        steps, places = guess.shape[1], paths_back(motion, guess.shape[1])
        surroundings = self.anchor.log_odds(past[:, -1], known[:, -1], self.squares)
        moving = self.anchor.moving(surroundings, steps)
        if self.residual is not None:
            moving = moving + self.residual(past, known.to(past.dtype), guess, motion).float()
        rain = torch.stack((guess, past[:, -1:].expand_as(guess)), dim=2)
        there, _ = carried_rain(rain, known[:, -1], places)
        own: Tensor = self.anchor(there[:, :, 0], there[:, :, 1], past[:, -1])
        return own + self.anchor.still(surroundings, steps) + at_places(moving, places)


def carried_rain(x: Tensor, seen: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Rain where it will be, as `stormcell.warp.Sampler` carries it.

    Args:
        x: on the scale (batch, step, field, y, x), where it is at the last scan; anything where that did not see.
        seen: bool, what the last scan saw (batch, y, x).
        places: see `paths_back`.

    Returns:
        x there, 0 where it is not known, same shape; and whether it is, bool (batch, step, y, x).
    """
    weight = seen.to(x.dtype)[:, None, None]
    rate = torch.cat((SCALE.inverse(x) * weight, weight.expand_as(x[:, :, :1])), dim=2)
    there = at_places(rate, places, beyond="zeros")
    known = there[:, :, -1:] >= 0.5
    return SCALE.forward(torch.where(known, there[:, :, :-1] / there[:, :, -1:].clamp(min=0.5), 0.0)), known[:, :, 0]
