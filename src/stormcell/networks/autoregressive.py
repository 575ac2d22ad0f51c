"""Networks that forecast one frame ahead and live on their own forecasts: feeding back, scheduled sampling, patches."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from stormcell.cells.cell import Cell, Projected, State, unroll

__all__ = ["Autoregressive", "NextFrame", "ScheduledSampling", "from_patches", "to_patches"]


class Autoregressive(nn.Module):
    """A cell that takes its last output for input where there is no other.

    Args:
        cell: its output has the channels of its input. It keeps its weights; this wrapper has none of its own.

    Shapes:
        as the cell; state: the last output, then the cell's.
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def project(self, inputs: Tensor) -> Projected:
        """The cell's."""
        return _cell(self.cell).project(inputs)

    def initial_state(self, like: Tensor) -> State:
        """No output yet: zeros."""
        return torch.zeros_like(like), *_cell(self.cell).initial_state(like)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step; on the last output if projected is None."""
        last, *inner = state
        output, after = _cell(self.cell).step(self.own(last) if projected is None else projected, tuple(inner))
        return output, (output, *after)

    def own(self, last: Tensor) -> Projected:
        """The projection of one frame."""
        return tuple(term[0] for term in self.project(last[None]))


class ScheduledSampling(nn.Module):
    """An autoregressive cell that is told, for each sequence and step, whether to take the true frame or its own last output.

    Args:
        cell: as for `Autoregressive`; the states of both are the same.

    Shapes:
        input (batch, channel + 1, y, x): the frame, and a channel that is 1 for a frame to take, 0 for one to ignore.

    Source:
        Bengio et al. (2015), arXiv:1506.03099.
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self._feedback = Autoregressive(cell)

    def project(self, inputs: Tensor) -> Projected:
        """Which frames to take, and the cell's projection of all of them."""
        return inputs[:, :, -1:, :1, :1] > 0, *self._feedback.project(inputs[:, :, :-1])

    def initial_state(self, like: Tensor) -> State:
        """No output yet: zeros."""
        return self._feedback.initial_state(like[:, :-1])

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step, each sequence on the frame it is told to take."""
        if projected is None:
            return self._feedback.step(None, state)
        given, *true = projected
        own = self._feedback.own(state[0])
        return self._feedback.step(tuple(torch.where(given, a, b) for a, b in zip(true, own, strict=True)), state)


class NextFrame(nn.Module):
    """A forecaster that steps through the past, then through its own forecasts.

    Args:
        cell: the whole network of one step, from a frame's patches to those of the next frame.
        patch: side of the squares of pixels that become channels [pixels]; 1 leaves frames as they are.

    Shapes:
        past (batch, time, channel, y, x) to forecast (batch, steps, channel, y, x); y and x multiples of the patch.
    """

    def __init__(self, cell: nn.Module, *, patch: int = 1) -> None:
        super().__init__()
        if patch < 1:
            raise ValueError(f"NextFrame: expected patches of one pixel or more, got {patch}")
        self.cell = cell
        self.patch = patch

    def forward(self, past: Tensor, steps: int, *, truncate: int | None = None, checkpoint_every: int | None = None) -> Tensor:
        """The next frames, each made from the ones before it; truncation and checkpoints as in `stormcell.cells.cell.unroll`.

        Raises:
            ValueError: no step to make, or a grid that the patches do not fill.
        """
        if steps < 1:
            raise ValueError(f"expected one step or more to forecast, got {steps}")
        cell = Autoregressive(self.cell)
        made, state = unroll(cell, to_patches(past, self.patch), truncate=truncate, checkpoint_every=checkpoint_every)
        forecast = made[:, -1:]
        if steps > 1:
            more, _ = unroll(cell, None, state, steps=steps - 1, truncate=truncate, checkpoint_every=checkpoint_every)
            forecast = torch.cat((forecast, more), dim=1)
        return from_patches(forecast, self.patch)

    def predictions(
        self,
        frames: Tensor,
        given: Tensor | None = None,
        *,
        truncate: int | None = None,
        checkpoint_every: int | None = None,
    ) -> tuple[Tensor, State]:
        """For training: at every frame, the one after it.

        Args:
            frames: (batch, time, channel, y, x).
            given: (batch, time) bool, False where the network is to go on from its own last output (scheduled sampling; the first
                frame should be given, else it starts from zeros); None gives all.
            truncate: see `stormcell.cells.cell.unroll`.
            checkpoint_every: see there.

        Returns:
            (batch, time, channel, y, x), place t holding the forecast of frame t + 1; and the last state of `Autoregressive`.

        Raises:
            ValueError: `given` or the grid does not fit.
        """
        patches = to_patches(frames, self.patch)
        if given is None:
            made, state = unroll(Autoregressive(self.cell), patches, truncate=truncate, checkpoint_every=checkpoint_every)
        elif given.shape != frames.shape[:2]:
            raise ValueError(f"expected given (batch, time) = {tuple(frames.shape[:2])}, got {tuple(given.shape)}")
        else:
            told = given.to(patches.dtype)[:, :, None, None, None].expand(-1, -1, 1, *patches.shape[-2:])
            sampled = torch.cat((patches, told), dim=2)
            made, state = unroll(ScheduledSampling(self.cell), sampled, truncate=truncate, checkpoint_every=checkpoint_every)
        return from_patches(made, self.patch), state


def to_patches(frames: Tensor, patch: int) -> Tensor:
    """Squares of pixels become channels: (..., channel, y, x) to (..., channel patch^2, y / patch, x / patch).

    Raises:
        ValueError: the grid is not a whole number of patches.
    """
    if frames.shape[-2] % patch or frames.shape[-1] % patch:
        raise ValueError(f"expected a grid of whole {patch} x {patch} patches, got {frames.shape[-2]} x {frames.shape[-1]}; crop or pad it")
    return functional.pixel_unshuffle(frames, patch)


def from_patches(patches: Tensor, patch: int) -> Tensor:
    """Back from `to_patches`."""
    return functional.pixel_shuffle(patches, patch)


def _cell(module: nn.Module) -> Cell:
    """What a module is taken to be."""
    return cast(Cell, module)
