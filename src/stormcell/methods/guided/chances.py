"""How likely each rain rate is exceeded at each place and time ahead, on the radar's grid, as a guided network says it."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.guided.decision import least_logits
from stormcell.methods.guided.start import Start

if TYPE_CHECKING:
    from torch import Tensor

    from stormcell.networks.guided import Guided, Residual
    from stormcell.runtimes.exported import Forward

__all__ = ["Chances"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Chances:
    """Logits of exceedance in coordinates that move with the rain.

    What the network knows is smooth on its own pixels, and is interpolated to those of the radar; what single pixels of the first guess
    and of the last scan add to it is worked out on the radar's:

        logit P(R >= L) = [ residual + neighbourhood ] interpolated + w_0 d(g) + w_1 d(o)

    Attributes:
        smooth: (step, level, y, x), the part on the model's grid.
        start: what the forecast begins from.
        guess: x of the first guess (step, y, x), radar's grid.
        last: x of the last scan (y, x), 0 where it was not seen.
        levels: x of each level.
        weight: (step, level, 2), of guess and last scan.
        decisions: (step, level), see `least_logits`.
    """

    smooth: Floats
    start: Start
    guess: Floats
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

        from stormcell.networks.guided import SCALE

        def scaled(rain_rate: Floats) -> "Tensor":
            return SCALE.forward(torch.from_numpy(np.nan_to_num(rain_rate, nan=0.0)))

        with torch.inference_mode():
            past = start.on_model_grid(start.past)
            known = torch.from_numpy(np.isfinite(past))[None]
            guess = scaled(start.on_model_grid(start.rain))[None]
            scans = scaled(past)[None]
            smooth = network.anchor.around(scans[:, -1], known[:, -1], network.squares, guess.shape[1])
            if network.residual is not None:
                seen = torch.cat((scans, known.float(), guess, torch.from_numpy(np.ascontiguousarray(start.motion))[None]), dim=1)
                run = partial(_residual, network.residual, forward or network.residual, seen, scans.shape[1])
                smooth += run(precision=precision, tile=tile, overlap=overlap)
            weight, decisions = network.anchor.own(guess.shape[1]), network.decisions_for(guess.shape[1])
            return cls(
                smooth[0].numpy(),
                start,
                scaled(start.rain).numpy(),
                scaled(start.last).numpy(),
                network.anchor.levels.numpy(),
                weight.numpy(),
                decisions.numpy(),
            )

    def at(self, step: float) -> Floats:
        """Logits (level, y, x) at a time in the model's steps after the last scan; before the first step they are those of the first."""
        import torch

        from stormcell.networks.guided.anchor import nearness

        before, share = self._between(step)
        smooth = self.start.on_radar_grid(_mixed(self.smooth, before, share))
        guess, weight = _mixed(self.guess, before, share), _mixed(self.weight, before, share)
        levels, logits = torch.from_numpy(self.levels)[:, None, None], torch.from_numpy(smooth)
        for index, field in enumerate((guess, self.last)):
            logits.addcmul_(nearness(torch.from_numpy(field), levels), torch.from_numpy(weight[:, index])[:, None, None])
        return smooth

    def least(self, step: float, logits: Floats) -> Floats:
        """(level,) logits from which on an event is said, of logits (level, y, x) at that time."""
        place = self._between(step)
        known = np.isfinite(self.start.last)
        return least_logits(logits, _mixed(self.guess, *place), known, self.levels, _mixed(self.decisions, *place))

    def _between(self, step: float) -> tuple[int, np.float32]:
        place = min(max(step - 1.0, 0.0), len(self.guess) - 1.0)
        before = min(int(place + 1e-4), len(self.guess) - 1)
        return before, np.float32(max(place - before, 0.0))


def _residual(residual: "Residual", forward: "Forward", seen: "Tensor", scans: int, *, precision: str, tile: int, overlap: int) -> "Tensor":
    """(1, step, level, y, x) of what the network sees: past, whether it is known, guess, motion, one after the other (1, field, y, x)."""
    import torch

    from stormcell.methods.tiles import in_tiles

    steps = seen.shape[1] - 2 * scans - 2

    def run(x: "Tensor") -> "Tensor":
        past, known, guess, motion = torch.split(x[:, :, 0], [scans, scans, steps, 2], dim=1)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            made = forward(past, known, guess, motion)
        return made.float().flatten(1, 2)[:, :, None]

    device = residual.head.weight.device
    count = steps * residual.outputs
    made = in_tiles(run, seen[:, :, None].to(device), count, tile=tile, overlap=overlap, multiple=residual.multiple)
    return made.reshape(1, steps, residual.outputs, *seen.shape[-2:]).cpu()


def _mixed(steps: Floats, before: int, share: np.float32) -> Floats:
    mixed: Floats = (1 - share) * steps[before] + share * steps[before + 1] if share >= 1e-4 else steps[before].copy()
    return mixed
