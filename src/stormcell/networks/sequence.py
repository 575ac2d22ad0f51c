"""Recurrent networks over sequences of vectors: one answer a sequence or one a step, and the fully connected encoder-forecaster."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Cell, State, unroll
from stormcell.cells.fused import unroll_fused
from stormcell.cells.lstm import LSTM

__all__ = ["FCLSTMForecaster", "SequenceNetwork"]


class SequenceNetwork(nn.Module):
    """A cell (or a stack of them) over a sequence, and a layer that reads its output.

    Args:
        cell: anything that satisfies `stormcell.cells.cell.Cell` and is a module.
        head: from one step's output to the answer.
        every_step: an answer for each step (many to many), or one for the whole sequence (many to one).

    Shapes:
        input (batch, time, channel); answer (batch, time, ...) or (batch, ...).
    """

    def __init__(self, cell: Cell, head: nn.Module, *, every_step: bool = False) -> None:
        super().__init__()
        self.cell, self.head, self.every_step = cell, head, every_step

    def forward(
        self, inputs: Tensor, state: State | None = None, *, mask: Tensor | None = None, truncate: int | None = None
    ) -> tuple[Tensor, State]:
        """Answer and last state. With a mask (batch, time) the one answer is read at each sequence's own last step."""
        if mask is None and truncate is None:
            outputs, last = unroll_fused(self.cell, inputs, state)
        else:
            outputs, last = unroll(self.cell, inputs, state, mask=mask, truncate=truncate)
        if self.every_step:
            return self.head(outputs), last
        if mask is None:
            return self.head(outputs[:, -1]), last
        steps = torch.arange(mask.shape[1], device=mask.device)
        ends = (mask * steps).amax(dim=1)  # also where a sequence begins late, or has gaps
        return self.head(outputs[torch.arange(len(ends), device=ends.device), ends]), last


class FCLSTMForecaster(nn.Module):
    """The fully connected LSTM encoder-forecaster, the baseline of the ConvLSTM paper: it sees an image as a long list of numbers.

    The encoder reads the past; each forecaster layer starts from the state of an encoder layer, the deepest first, and the first of
    them has no input. A dense layer turns the last forecaster layer's output into a frame. LSTMs have peepholes.

    Args:
        features: numbers in a frame.
        units: width of each layer, the lowest first.

    Shapes:
        past (batch, time, ...) with `features` numbers a frame; forecast (batch, steps, ...), not yet through a sigmoid.

    Source:
        Shi et al. (2015), arXiv:1506.04214, section 4; 142,667,776 weights for 64x64 frames and 2048-2048 units.
    """

    def __init__(self, features: int, units: Sequence[int] = (2048, 2048)) -> None:
        super().__init__()
        if features < 1 or not units:
            raise ValueError(
                f"FCLSTMForecaster: expected one number or more in a frame, and one layer or more, got {features}, {list(units)}"
            )
        below = [features, *units[:-1]]
        self.encoder = nn.ModuleList(LSTM(inputs, width, peepholes=True) for inputs, width in zip(below, units, strict=True))
        upward = list(reversed(units))
        above = [0, *upward[:-1]]
        self.forecaster = nn.ModuleList(LSTM(inputs, width, peepholes=True) for inputs, width in zip(above, upward, strict=True))
        self.head = nn.Linear(upward[-1], features)

    def forward(self, past: Tensor, steps: int, *, truncate: int | None = None, checkpoint_every: int | None = None) -> Tensor:
        """Frames that follow `past`; truncation and checkpoints as in `stormcell.cells.cell.unroll`."""
        values, states = past.flatten(2), []
        for cell in self.encoder:
            values, state = unroll(_lstm(cell), values, truncate=truncate, checkpoint_every=checkpoint_every)
            states.append(state)
        forecast: Tensor | None = None
        for cell, state in zip(self.forecaster, reversed(states), strict=True):
            forecast, _ = unroll(_lstm(cell), forecast, state, steps=steps, truncate=truncate, checkpoint_every=checkpoint_every)
        assert forecast is not None  # there is one layer at least
        frames: Tensor = self.head(forecast)
        return frames.reshape(past.shape[0], steps, *past.shape[2:])


def _lstm(module: nn.Module) -> LSTM:
    assert isinstance(module, LSTM)
    return module
