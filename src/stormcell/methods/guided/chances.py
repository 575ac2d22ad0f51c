"""How likely each rain rate is exceeded at each place and time ahead, on the radar's grid, as a guided network says it."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.guided.start import Start

if TYPE_CHECKING:
    from torch import Tensor

    from stormcell.networks.guided import Guided, Residual
    from stormcell.runtimes.exported import Forward

__all__ = ["Chances"]

Floats = NDArray[np.float32]

_WHOLE = 1e-4  # of a step
_STRIP = 256  # rows of the model's grid
_LARGE = 2**18  # pixels of the model's that go through the network at once


@dataclass(frozen=True)
class Chances:
    """Logits of exceedance in coordinates that move with the rain.

    What the network knows is smooth on its own pixels, and is interpolated to those of the radar; what single pixels of the first guess
    and of the last scan add to it is worked out on the radar's:

        logit P(R >= L) = [ residual + neighbourhood ] interpolated + w_0 d(g) + w_1 d(o)

    Attributes:
        smooth: (step, level, y, x), the part on the model's grid.
        start: what the forecast begins from.
        last: x of the last scan (y, x), 0 where it was not seen.
        levels: x of each level.
        weight: (step, level, 2), of guess and last scan.
        decisions: (step, level), see `stormcell.methods.guided.decision`.
    """

    smooth: Floats
    start: Start
    last: Floats
    levels: Floats
    weight: Floats
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
            guess = _scaled(start.on_model_grid(start.rain))[None]
            scans = _scaled(past)[None]
            smooth = _around(network, scans[:, -1], known[:, -1], guess.shape[1])
            if network.residual is not None:
                seen = torch.cat((scans, known.float(), guess, torch.from_numpy(np.ascontiguousarray(start.motion))[None]), dim=1)
                within = min(tile, seen.shape[-2]) * min(tile, seen.shape[-1])
                if forward is None or forward is network.residual:
                    forward = _by_steps(network) if within > _LARGE else network.residual
                run = partial(_add_residual, smooth, network.residual, forward, seen, scans.shape[1])
                run(precision=precision, tile=tile, overlap=overlap)
            weight, decisions = network.anchor.own(guess.shape[1]), network.decisions_for(guess.shape[1])
            return cls(
                smooth[0].numpy(),
                start,
                _scaled(start.last).numpy(),
                network.anchor.levels.numpy(),
                weight.numpy(),
                decisions.numpy(),
            )

    def at(self, step: float, rows: slice = slice(None), *, guess: Floats | None = None) -> Floats:
        """Logits (level, y, x) of some rows at a time; before the first step they are those of the first.

        Args:
            step: time since the last scan, in the model's steps.
            rows: which.
            guess: what `guess` gives for them, if it is at hand.
        """
        import torch

        from stormcell.networks.guided.anchor import nearness

        before, share = self._between(step)
        logits = self.start.on_radar_grid(_mixed(self.smooth, before, share), rows)
        weight, guess = _mixed(self.weight, before, share), self.guess(step, rows) if guess is None else guess
        room = torch.empty(guess.shape)
        for own, field in zip(weight.T.tolist(), (torch.from_numpy(guess), torch.from_numpy(self.last[rows])), strict=True):
            for made, level, factor in zip(torch.from_numpy(logits), self.levels.tolist(), own, strict=True):
                made.add_(nearness(field, level, out=room), alpha=factor)  # level by level: what is made on the way stays in the cache
        return logits

    def decided(self, step: float) -> Floats:
        """(level,): what was decided in training for that time."""
        return _mixed(self.decisions, *self._between(step))

    def guess(self, step: float, rows: slice = slice(None)) -> Floats:
        """x of the first guess (y, x)."""
        before, share = self._between(step)
        after = before + (2 if share >= _WHOLE else 1)
        return _mixed(_scaled(self.start.rain[before:after, rows]).numpy(), 0, share)

    def _between(self, step: float) -> tuple[int, np.float32]:
        place = min(max(step - 1.0, 0.0), len(self.smooth) - 1.0)
        before = min(int(place + _WHOLE), len(self.smooth) - 1)
        return before, np.float32(max(place - before, 0.0))


def _scaled(rain_rate: Floats) -> "Tensor":
    """x, 0 where nothing is known."""
    import torch

    from stormcell.networks.guided import SCALE

    return SCALE.forward(torch.from_numpy(np.nan_to_num(rain_rate, nan=0.0)))


def _around(network: "Guided", last: "Tensor", seen: "Tensor", steps: int) -> "Tensor":
    """The anchor's part of the neighbourhood (1, step, level, y, x), made in strips of rows: what is needed on the way is then small."""
    rows, beyond = last.shape[-2], max(network.squares, default=1) // 2
    made = last.new_empty(1, steps, len(network.rates), *last.shape[-2:])
    for first in range(0, rows, _STRIP):
        after = min(first + _STRIP, rows)
        part = slice(max(first - beyond, 0), after + beyond)
        strip = network.anchor.around(last[:, part], seen[:, part], network.squares, steps)
        made[..., first:after, :] = strip[..., first - part.start : after - part.start, :]
    return made


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
