"""The recurrent network that mends a first guess: it reads the past and, for each step ahead, the guess of that step."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Cell, unroll
from stormcell.cells.convolution import msra_, over_time
from stormcell.cells.gru_gates import leaky_relu
from stormcell.networks.autoregressive import from_patches, to_patches
from stormcell.networks.pyramid import PYRAMID_CELLS

__all__ = ["PATCH", "Residual", "motion_and_speed"]

PATCH = 2  # side of the squares of pixels that become channels
_FAST = 3.0  # pixels a step; motion is told in this unit


class Residual(nn.Module):
    """An encoder-forecaster whose forecaster is led by the first guess, all in coordinates that move with the rain.

    Each step of the encoder reads a scan, where it was seen, and the motion; each step of the forecaster reads the first guess of the next
    `together` lead times and the last scan. Grids halve from scale to scale. The last convolution begins at zero, so an untrained network
    changes nothing.

    Args:
        outputs: numbers for each pixel and lead time.
        hidden: channels of each scale's cells, the finest (half of the pixels a side) first.
        cell: a name in `PYRAMID_CELLS`.
        kernel: side of the state-to-state kernels [pixels], odd.
        links: of TrajGRU.
        together: lead times that a step of the forecaster makes at once.
        tail: channels of the 3x3 convolution before the last one.
        dropout: share of the tail's channels that are set to 0 in training.

    Raises:
        ValueError: no such cell.
    """

    def __init__(
        self,
        outputs: int,
        hidden: Sequence[int],
        *,
        cell: str = "convgru",
        kernel: int = 3,
        links: int = 5,
        together: int = 2,
        tail: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if cell not in PYRAMID_CELLS:
            raise ValueError(f"expected a cell out of {', '.join(PYRAMID_CELLS)}, got {cell!r}")
        if not hidden or together < 1:
            raise ValueError(f"expected one scale and one lead time together or more, got {list(hidden)} and {together}")
        build = PYRAMID_CELLS[cell](kernel, links)
        self.outputs, self.together, self.multiple = outputs, together, PATCH * 2 ** (len(hidden) - 1)
        past, guess = 5 * PATCH**2, (together + 2) * PATCH**2  # scan, seen, motion (2), speed; guesses, last scan, seen
        self.down, self.readers = nn.ModuleList(), nn.ModuleList()
        self.guess_down, self.writers, self.up = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for scale, width in enumerate(hidden):
            below, stride = (hidden[scale - 1], 2) if scale else (0, 1)
            self.down.append(nn.Conv2d(below or past, width, 3, stride, 1))
            self.guess_down.append(nn.Conv2d(below or guess, width, 3, stride, 1))
            self.readers.append(build(width, width))
            self.writers.append(build(width if scale == len(hidden) - 1 else 2 * width, width))
            if scale:
                self.up.append(nn.ConvTranspose2d(width, below, 4, 2, 1, bias=False))
        self.tail = nn.Conv2d(2 * hidden[0], tail, 3, 1, 1)
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(tail, together * outputs * PATCH**2, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights of what is not a cell."""
        for layer in (*self.down, *self.guess_down, *self.up, self.tail):
            assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
            msra_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, past: Tensor, known: Tensor, guess: Tensor, motion: Tensor) -> Tensor:
        """What to add.

        Args:
            past: x (batch, time, y, x) of the scans, carried to where the rain is now, 0 where it is not known.
            known: 1 where it is, 0 where not, same shape.
            guess: x (batch, step, y, x).
            motion: (batch, 2, y, x) [pixels per step].

        Returns:
            (batch, step, outputs, y, x).

        Raises:
            ValueError: sides that are no multiples of the coarsest grid's pixel.
        """
        if guess.shape[-2] % self.multiple or guess.shape[-1] % self.multiple:
            raise ValueError(f"expected sides in multiples of {self.multiple} pixels, got {tuple(guess.shape[-2:])}")
        states, x = [], to_patches(_with_motion(past, known, motion), PATCH)
        for down, reader in zip(self.down, self.readers, strict=True):
            x = leaky_relu(over_time(down, x))
            x, state = unroll(cast(Cell, reader), x)
            states.append(state)
        x, guesses = to_patches(self.in_steps(guess, past[:, -1], known[:, -1]), PATCH), []
        for down in self.guess_down:
            x = leaky_relu(over_time(down, x))
            guesses.append(x)
        for scale in reversed(range(len(states))):
            x, _ = unroll(cast(Cell, self.writers[scale]), x, states[scale])
            finer = leaky_relu(over_time(self.up[scale - 1], x)) if scale else x
            x = torch.cat((finer, guesses[max(scale - 1, 0)]), dim=2)
        x = over_time(self.dropout, leaky_relu(over_time(self.tail, x)))
        made = from_patches(over_time(self.head, x), PATCH)
        grid = guess.shape[-2:]
        return made.reshape(len(guess), -1, self.outputs, *grid)[:, : guess.shape[1]]

    def in_steps(self, guess: Tensor, last: Tensor, known: Tensor) -> Tensor:
        """(batch, step of the forecaster, together + 2, y, x); the last guess stands for those that a whole step lacks."""
        steps = -(-guess.shape[1] // self.together)
        missing = steps * self.together - guess.shape[1]
        whole = torch.cat((guess, guess[:, -1:].expand(-1, missing, -1, -1)), dim=1) if missing else guess
        now = torch.stack((last, known), dim=1)[:, None].expand(-1, steps, -1, -1, -1)
        return torch.cat((whole.reshape(len(guess), steps, self.together, *guess.shape[-2:]), now), dim=2)


def motion_and_speed(motion: Tensor) -> Tensor:
    """(batch, 2, y, x) [pixels per step] as the network is told of it, (batch, 3, y, x)."""
    return torch.cat((motion, torch.linalg.vector_norm(motion, dim=1, keepdim=True)), dim=1) / _FAST


def _with_motion(past: Tensor, known: Tensor, motion: Tensor) -> Tensor:
    """(batch, time, 5, y, x): scan, whether it is known, motion, speed."""
    fast = motion_and_speed(motion)
    return torch.cat((past[:, :, None], known[:, :, None], fast[:, None].expand(-1, past.shape[1], -1, -1, -1)), dim=2)
