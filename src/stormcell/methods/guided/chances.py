"""How likely each rain rate is exceeded at each place and time ahead, on the radar's grid, as a guided network says it."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.guided.start import Start
from stormcell.warp import Sampler

if TYPE_CHECKING:
    from torch import Tensor

    from stormcell.networks.guided import Guided, Residual
    from stormcell.runtimes.exported import Forward

__all__ = ["AtTime", "Chances", "Place"]

Floats = NDArray[np.float32]
Place = tuple[Floats, Floats]

_WHOLE = 1e-4  # of a step
_STRIP = 256  # rows of the model's grid
_LARGE = 2**18  # pixels of the model's that go through the network at once


@dataclass(frozen=True)
class Chances:
    """Logits of exceedance, in parts.

    What the network knows is smooth on its own pixels, and is interpolated to those of the radar; what single pixels of the first guess
    and of the last scan add to it is worked out on the radar's:

        logit P(R >= L) = [ residual + neighbourhood ](X) + w_0 d(g(X)) + w_1 d(o(X)) + v_0 d(o) + neighbourhood

    X being where the rain was at the last scan.

    Attributes:
        smooth: (step, level, y, x) of what moves, where it was at the last scan, on the model's grid.
        surroundings: (square, level, y, x) on it, see `Anchor.log_odds`.
        start: what the forecast begins from.
        last: the last scan on the radar's grid [mm h-1], 0 where it is dry on the network's scale.
        levels: x of each level.
        weight: (step, level, 3), of the first guess, the last scan carried, and the last scan.
        around: (step, level, square), of the surroundings that stay.
        decisions: (step, level), see `stormcell.methods.guided.decision`.
    """

    smooth: Floats
    surroundings: Floats
    start: Start
    last: Sampler
    levels: Floats
    weight: Floats
    around: Floats
    decisions: Floats

    @classmethod
    def of(cls, network: "Guided", start: Start, *, precision: str, tile: int, overlap: int, forward: "Forward | None" = None) -> Self:
        """Run a network.

        Args:
            network: which.
            start: what the forecast begins from.
            precision: "bfloat16" or "float32", of the recurrent part where that runs in torch.
            tile: see `stormcell.methods.tiles`.
            overlap: see there.
            forward: what does the work of its recurrent part, in another runtime maybe; that part itself if None.
        """
        import torch

        with torch.inference_mode():
            past = start.on_model_grid(start.past)
            known = torch.from_numpy(np.isfinite(past))[None]
            guess = torch.from_numpy(_scaled(start.on_model_grid(start.rain)))[None]
            scans = torch.from_numpy(_scaled(past))[None]
            surroundings = _surroundings(network, scans[:, -1], known[:, -1])
            steps = guess.shape[1]
            smooth = network.anchor.moving(surroundings, steps).contiguous()  # it is added to in place
            if network.residual is not None:
                seen = torch.cat((scans, known.float(), guess, torch.from_numpy(np.ascontiguousarray(start.motion))[None]), dim=1)
                here = network.residual.head.weight.device.type == "cpu"
                within = min(tile, seen.shape[-2]) * min(tile, seen.shape[-1])
                if forward is None or forward is network.residual:
                    forward = _by_steps(network) if here and within > _LARGE else network.residual
                run = partial(_add_residual, smooth, network.residual, forward, seen, scans.shape[1])
                run(precision=precision, tile=tile, overlap=overlap)
            return cls(
                smooth[0].numpy(),
                surroundings[0].numpy(),
                start,
                Sampler(np.where(start.last < _dry_below(), np.float32(0.0), start.last)),
                network.anchor.levels.numpy(),
                network.anchor.own(steps).numpy(),
                network.anchor.around(steps).numpy(),
                network.decisions_for(steps).numpy(),
            )

    def at(self, step: float, place: Place) -> "AtTime":
        """What is known of one time; before the first step it is what is known of that.

        Args:
            step: time since the last scan, in the model's steps.
            place: column and row of the radar's grid, each (y, x), where the rain was at the last scan.
        """
        index = min(max(step - 1.0, 0.0), len(self.smooth) - 1.0)
        before = min(int(index + _WHOLE), len(self.smooth) - 1)
        mixed = partial(_mixed, before=before, share=np.float32(max(index - before, 0.0)))
        guess = mixed(self.start.rain)
        # as in training: what is dry on the scale is so before it moves
        guess[np.isnan(self.start.last) | (guess < _dry_below())] = 0.0
        still = np.einsum("flyx,lf->lyx", self.surroundings, mixed(self.around))
        return AtTime(self, place, mixed(self.smooth), still, self.last.holding(guess), mixed(self.weight), mixed(self.decisions))


@dataclass(frozen=True)
class AtTime:
    """The same at one time.

    Attributes:
        chances: of all times.
        place: column and row, each (y, x), where the rain was at the last scan.
        smooth: (level, y, x) of what moves, on the model's grid.
        still: (level, y, x) of what stays, on it.
        guess: the first guess before it is moved [mm h-1].
        weight: (level, 3).
        decisions: (level,): what was decided in training for that time.
    """

    chances: Chances
    place: Place
    smooth: Floats
    still: Floats
    guess: Sampler
    weight: Floats
    decisions: Floats

    def look(self, rows: slice = slice(None)) -> tuple[Floats, Floats]:
        """Some rows: x of the first guess where its rain will be (y, x), NaN where nothing is known, and logits (level, y, x)."""
        start, last = self.chances.start, self.chances.last
        column, row = (part[rows] for part in self.place)
        logits = start.looked_up(self.smooth, column, row)
        logits += start.looked_up(self.still, *_pixels_of(last.shape, rows))
        guess = self.guess.at(column, row)
        fields = [_scaled(field) for field in (guess, last.at(column, row), start.last[rows])]
        for x, own in zip(fields, self.weight.T, strict=True):
            _add_nearness(logits, x, self.chances.levels, own)
        fields[0][np.isnan(guess)] = np.nan
        return fields[0], logits


def _add_nearness(logits: Floats, x: Floats, levels: Floats, factors: Floats) -> None:
    """Add each level's factor times `nearness` of x. Most of a field is dry, and that is one number a level."""
    import torch

    from stormcell.networks.guided.anchor import nearness

    wet = np.flatnonzero(x)
    there, dry = torch.from_numpy(x.reshape(-1)[wet]), torch.from_numpy(np.zeros(1, np.float32))
    for field, level, factor in zip(logits.reshape(len(levels), -1), levels.tolist(), factors.tolist(), strict=True):
        without = float(nearness(dry, level))
        field += np.float32(factor * without)
        field[wet] += (nearness(there, level) - without).mul_(factor).numpy()


def _scaled(rain_rate: Floats) -> Floats:
    """x, 0 where nothing is known."""
    import torch

    from stormcell.networks.guided import SCALE

    wet = rain_rate >= np.float32(SCALE.dry_below)
    x = np.zeros_like(rain_rate)
    x[wet] = SCALE.forward(torch.from_numpy(rain_rate[wet])).numpy()
    return x


def _dry_below() -> float:
    from stormcell.networks.guided import SCALE

    return SCALE.dry_below


def _surroundings(network: "Guided", last: "Tensor", seen: "Tensor") -> "Tensor":
    """`Anchor.log_odds` of the last scan, made in strips of rows: what is needed on the way is then small."""
    rows, beyond = last.shape[-2], max(network.squares, default=1) // 2
    made = last.new_empty(1, len(network.squares), len(network.rates), *last.shape[-2:])
    for first in range(0, rows, _STRIP):
        after = min(first + _STRIP, rows)
        part = slice(max(first - beyond, 0), after + beyond)
        strip = network.anchor.log_odds(last[:, part], seen[:, part], network.squares)
        made[..., first:after, :] = strip[..., first - part.start : after - part.start, :]
    return made


def _pixels_of(shape: tuple[int, int], rows: slice) -> Place:
    """Column and row of each pixel of some rows."""
    numbers = np.arange(shape[0], dtype=np.float32)[rows]
    column, row = np.meshgrid(np.arange(shape[1], dtype=np.float32), numbers)
    return column, row


def _by_steps(network: "Guided") -> "Forward":
    """The recurrent part one step after the other, which needs the memory of one."""
    from stormcell.runtimes.stepping import SteppedResidual, eager
    from stormcell.runtimes.steps import steps_of

    assert network.residual is not None  # it is taken apart
    steps = steps_of(network)
    return SteppedResidual(steps, eager(steps.encoder), eager(steps.forecaster), network.residual)


def _add_residual(
    smooth: "Tensor", residual: "Residual", forward: "Forward", seen: "Tensor", scans: int, *, precision: str, tile: int, overlap: int
) -> None:
    """Add what the network makes of what it sees: past, whether it is known, guess, motion, one after the other (1, field, y, x).

    Args:
        smooth: (1, step, level, y, x), to which it is added.
        residual: the network.
        forward: what does its work.
        seen: see above.
        scans: of the past.
        precision: see `Chances.of`.
        tile: see there.
        overlap: see there.
    """
    import torch

    from stormcell.methods.tiles import in_tiles

    steps, device = smooth.shape[1], residual.head.weight.device

    def run(x: "Tensor") -> "Tensor":
        past, known, guess, motion = torch.split(x[:, :, 0].to(device), [scans, scans, steps, 2], dim=1)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            made = forward(past, known, guess, motion)
        return made.float().flatten(1, 2)[:, :, None].cpu()

    room = smooth.flatten(1, 2)[:, :, None]
    in_tiles(run, seen[:, :, None], room.shape[1], tile=tile, overlap=overlap, multiple=residual.multiple, onto=room)


def _mixed(steps: Floats, before: int, share: np.float32) -> Floats:
    mixed: Floats = (1 - share) * steps[before] + share * steps[before + 1] if share >= _WHOLE else steps[before].copy()
    return mixed
