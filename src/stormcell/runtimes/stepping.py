"""A forecast by steps that know of no loop: the past goes through the encoder's, the future through the forecaster's."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stormcell.networks.guided import Residual
from stormcell.runtimes.runtime import Floats, Step
from stormcell.runtimes.steps import Steps

__all__ = ["SteppedFrames", "SteppedResidual", "eager"]


@dataclass(frozen=True)
class _Stepping:
    """Attributes:
    steps: what the two know of the network: their states.
    encoder: one step of the past.
    forecaster: one of the future.
    """

    steps: Steps
    encoder: Step
    forecaster: Step

    def run(self, seen: Iterable[Floats], guesses: Iterable[tuple[Floats, ...]], made: Floats) -> None:
        """Fill `made` (step, batch, writes, y, x).

        Args:
            seen: (batch, reads, y, x) of each scan, the newest last.
            guesses: for each step, (batch, guesses, y, x) or nothing.
            made: room for the result.
        """
        _, batch, _, rows, columns = made.shape
        states: tuple[Floats, ...] = tuple(
            np.zeros((batch, state.channels, rows // state.stride, columns // state.stride), np.float32) for state in self.steps.states
        )
        for scan in seen:
            states = self.encoder(scan, *states)
        for room, guess in zip(made, guesses, strict=True):
            field, *after = self.forecaster(*guess, *states, room=room)
            states = tuple(after)
            if field is not room:
                room[...] = field


class SteppedFrames(_Stepping):
    """Stands for a network of frames: past (batch, time, 1, y, x) and how many steps to forecast (batch, step, 1, y, x)."""

    def __call__(self, past: Tensor, steps: int) -> Tensor:
        """As the network itself.

        Raises:
            ValueError: sides that are no whole multiples of the coarsest grid's pixel.
        """
        _check_sides(past, self.steps.multiple)
        made = np.empty((steps, past.shape[0], *past.shape[2:]), np.float32)
        self.run(_by_step(past), [()] * steps, made)
        return torch.from_numpy(made).transpose(0, 1)


@dataclass(frozen=True)
class SteppedResidual(_Stepping):
    """Stands for `Residual`.

    Attributes:
        residual: which.
    """

    residual: Residual

    def __call__(self, past: Tensor, known: Tensor, guess: Tensor, motion: Tensor) -> Tensor:
        """As the network itself.

        Raises:
            ValueError: sides that are no whole multiples of the coarsest grid's pixel.
        """
        _check_sides(past, self.steps.multiple)
        time, outputs = past.shape[1], self.residual.outputs
        seen = torch.cat((past[:, :, None], known[:, :, None], motion[:, None].expand(-1, time, -1, -1, -1)), dim=2)
        guesses = _by_step(self.residual.in_steps(guess, past[:, -1], known[:, -1]))
        made = np.empty((len(guesses), len(past), self.steps.writes, *past.shape[-2:]), np.float32)
        self.run(_by_step(seen), [(one,) for one in guesses], made)
        whole = torch.from_numpy(made).transpose(0, 1).reshape(len(past), -1, outputs, *past.shape[-2:])
        return whole[:, : guess.shape[1]]


def eager(module: torch.nn.Module) -> Step:
    """A step of `stormcell.runtimes.steps` in torch, as it is written; under autocast it works in that precision."""

    def step(*tensors: Floats, room: Floats | None = None) -> tuple[Floats, ...]:
        with torch.inference_mode():
            made = module(*(torch.from_numpy(tensor) for tensor in tensors))
        return tuple(one.float().numpy() for one in made)

    return step


def _by_step(fields: Tensor) -> list[Floats]:
    """(batch, time, ...) as a list of (batch, ...)."""
    return [np.ascontiguousarray(step, np.float32) for step in fields.transpose(0, 1).numpy()]


def _check_sides(past: Tensor, multiple: int) -> None:
    if past.shape[-2] % multiple or past.shape[-1] % multiple:
        raise ValueError(f"expected sides in multiples of {multiple} pixels, got {tuple(past.shape[-2:])}")
