"""A network taken apart into what it does at one step of the past and at one step of the future, for exporters.

A program with a loop inside is bound to so many scans and lead times. These two modules hold no loop and no state: what one step left is
handed to the next, so that any number of scans and lead times, and any batch and grid, go through the same two files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Cell, State
from stormcell.cells.gru_gates import leaky_relu
from stormcell.errors import MethodError
from stormcell.networks.autoregressive import Autoregressive, NextFrame, from_patches, to_patches
from stormcell.networks.encoder_forecaster import EncoderForecaster
from stormcell.networks.guided import Guided, Residual
from stormcell.networks.guided.residual import PATCH, motion_and_speed

__all__ = ["StateShape", "Steps", "steps_of"]


@dataclass(frozen=True)
class StateShape:
    """One tensor of the state: (batch, channels, y / stride, x / stride), zeros before the first scan."""

    channels: int
    stride: int


@dataclass(frozen=True)
class Steps:
    """A network's two steps.

    Attributes:
        encoder: (seen (batch, reads, y, x), *states) -> states.
        forecaster: ([guess (batch, guesses, y, x),] *states) -> (made (batch, writes, y, x), *states); no guess where guesses is 0.
        states: what is handed from step to step.
        reads: fields that a step of the encoder sees.
        guesses: fields that a step of the forecaster is given.
        writes: fields that a step of the forecaster makes.
        multiple: y and x are whole multiples of this [pixels].
    """

    encoder: nn.Module
    forecaster: nn.Module
    states: tuple[StateShape, ...]
    reads: int
    guesses: int
    writes: int
    multiple: int


def steps_of(network: nn.Module) -> Steps:
    """Take a network apart. Its weights are shared, not copied.

    A guided network's first step sees scan, where it was seen, and motion (x, y); each step of its forecaster is given the first guesses of
    as many lead times as it makes at once, the last scan, and where it was seen, and makes all levels of each lead time.

    Raises:
        MethodError: a network that is made in another way.
    """
    if isinstance(network, Guided) and network.residual is not None:
        return _of_residual(network.residual)
    if isinstance(network, EncoderForecaster):
        return _of_encoder_forecaster(network)
    if isinstance(network, NextFrame):
        return _of_next_frame(network)
    raise MethodError(
        f"export: {type(network).__name__} has no step of its own; expected an encoder-forecaster, a network that makes frame after frame, "
        "or a guided network with its recurrent part"
    )


def _of_residual(residual: Residual) -> Steps:
    strides = [PATCH * 2**scale for scale in range(len(residual.readers))]
    states = _shapes(residual.readers, strides)
    parts = [len(_blank(reader)) for reader in residual.readers]
    together = residual.together
    return Steps(
        _ResidualEncoder(residual, parts),
        _ResidualForecaster(residual, parts),
        states,
        reads=4,
        guesses=together + 2,
        writes=together * residual.outputs,
        multiple=residual.multiple,
    )


def _of_encoder_forecaster(network: EncoderForecaster) -> Steps:
    if network.coordinates:
        raise MethodError("export: a network that is told its coordinates is bound to one grid")
    strides, stride = [], network.patch
    for layer in network.down:
        stride *= layer.stride[0] if isinstance(layer, nn.Conv2d) else 1
        strides.append(stride)
    parts = [len(_blank(reader)) for reader in network.readers]
    return Steps(
        _Encoder(network, parts),
        _Forecaster(network, parts),
        _shapes(network.readers, strides),
        reads=1,
        guesses=0,
        writes=1,
        multiple=stride,
    )


def _of_next_frame(network: NextFrame) -> Steps:
    cell = Autoregressive(network.cell)
    like = torch.empty(1, network.patch**2, 1, 1, device="meta")
    state = cell.initial_state(like)
    if any(part.dim() != 4 for part in state):
        raise MethodError("export: this network carries something that is no image from step to step")
    shapes = tuple(StateShape(part.shape[1], network.patch) for part in state)
    return Steps(_NextFrameEncoder(cell, network.patch), _NextFrameForecaster(cell, network.patch), shapes, 1, 0, 1, network.patch)


def _blank(cell: nn.Module) -> State:
    return cast(Cell, cell).initial_state(torch.empty(1, 1, 1, 1, device="meta"))


def _shapes(cells: nn.ModuleList, strides: Sequence[int]) -> tuple[StateShape, ...]:
    states = [(part, stride) for cell, stride in zip(cells, strides, strict=True) for part in _blank(cell)]
    if any(part.dim() != 4 for part, _ in states):
        raise MethodError("export: this network carries something that is no image from step to step; statistics of its normaliser, maybe")
    return tuple(StateShape(part.shape[1], stride) for part, stride in states)


def _step(cell: nn.Module, x: Tensor | None, state: State) -> tuple[Tensor, State]:
    """One step of a cell on inputs that are projected just before."""
    one = cast(Cell, cell)
    projected = None if x is None else tuple(term.squeeze(0) for term in one.project(x.unsqueeze(0)))
    return one.step(projected, state)


def _split(states: Sequence[Tensor], parts: Sequence[int]) -> list[State]:
    """The states of each cell."""
    ends = [sum(parts[: number + 1]) for number in range(len(parts))]
    return [tuple(states[end - count : end]) for end, count in zip(ends, parts, strict=True)]


def _joined(states: Sequence[State]) -> tuple[Tensor, ...]:
    return tuple(part for state in states for part in state)


class _ResidualEncoder(nn.Module):
    def __init__(self, residual: Residual, parts: Sequence[int]) -> None:
        super().__init__()
        self.residual, self.parts = residual, list(parts)

    def forward(self, seen: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        x, after = to_patches(torch.cat((seen[:, :2], motion_and_speed(seen[:, 2:])), dim=1), PATCH), []
        for down, reader, state in zip(self.residual.down, self.residual.readers, _split(states, self.parts), strict=True):
            x, new = _step(reader, leaky_relu(down(x)), state)
            after.append(new)
        return _joined(after)


class _ResidualForecaster(nn.Module):
    def __init__(self, residual: Residual, parts: Sequence[int]) -> None:
        super().__init__()
        self.residual, self.parts = residual, list(parts)

    def forward(self, guess: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        residual, guesses = self.residual, []
        x = to_patches(guess, PATCH)
        for down in residual.guess_down:
            x = leaky_relu(down(x))
            guesses.append(x)
        before = _split(states, self.parts)
        after: list[State] = []
        for scale in reversed(range(len(before))):
            x, new = _step(residual.writers[scale], x, before[scale])
            after.insert(0, new)
            finer = leaky_relu(residual.up[scale - 1](x)) if scale else x
            x = torch.cat((finer, guesses[max(scale - 1, 0)]), dim=1)
        made = from_patches(_of_pixels(residual.head, leaky_relu(residual.tail(x))), PATCH)
        return made, *_joined(after)


def _of_pixels(head: nn.Conv2d, x: Tensor) -> Tensor:
    """A 1x1 convolution as the product of matrices that it is: what comes out need then not be turned in memory, which takes longer."""
    assert head.bias is not None  # it was built with one
    product: Tensor = torch.matmul(head.weight.flatten(1), x.flatten(2)) + head.bias[:, None]
    return product.reshape(x.shape[0], -1, x.shape[2], x.shape[3])


class _Encoder(nn.Module):
    def __init__(self, network: EncoderForecaster, parts: Sequence[int]) -> None:
        super().__init__()
        self.network, self.parts = network, list(parts)

    def forward(self, seen: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        x, after = to_patches(seen, self.network.patch), []
        for down, reader, state in zip(self.network.down, self.network.readers, _split(states, self.parts), strict=True):
            x, new = _step(reader, leaky_relu(down(x)) if isinstance(down, nn.Conv2d) else x, state)
            after.append(new)
        return _joined(after)


class _Forecaster(nn.Module):
    def __init__(self, network: EncoderForecaster, parts: Sequence[int]) -> None:
        super().__init__()
        self.network, self.parts = network, list(parts)

    def forward(self, *states: Tensor) -> tuple[Tensor, ...]:
        network, outputs = self.network, []
        after: list[State] = []
        x: Tensor | None = None
        for writer, up, state in zip(network.writers, network.up, reversed(_split(states, self.parts)), strict=True):
            x, new = _step(writer, x, state)
            after.insert(0, new)
            outputs.append(x)
            x = leaky_relu(up(x)) if isinstance(up, nn.ConvTranspose2d) else x
        assert x is not None  # there is a stage
        x = torch.cat(outputs, dim=1) if network.join_all else x
        x = x if network.tail is None else leaky_relu(network.tail(x))
        return from_patches(network.head(x), network.patch), *_joined(after)


class _NextFrameEncoder(nn.Module):
    def __init__(self, cell: Autoregressive, patch: int) -> None:
        super().__init__()
        self.cell, self.patch = cell, patch

    def forward(self, seen: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        return _step(self.cell, to_patches(seen, self.patch), states)[1]


class _NextFrameForecaster(nn.Module):
    """What the last step made is the frame; the next one is made after it."""

    def __init__(self, cell: Autoregressive, patch: int) -> None:
        super().__init__()
        self.cell, self.patch = cell, patch

    def forward(self, *states: Tensor) -> tuple[Tensor, ...]:
        return from_patches(states[0], self.patch), *_step(self.cell, None, states)[1]
