"""The small networks of the interactive page, and the sequences they are shown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stormcell.cells import LSTM, RNN, ConvLSTM
from stormcell.cells.cell import unroll
from stormcell.lab.fit import fit

__all__ = ["FORGET_BIAS", "LONGEST", "Trained", "train_all"]

FORGET_BIAS = 1.0
"""Of every forget gate, while the networks learn: it stays where it is put, so that one number on the page can set it."""

LONGEST = 200
"""Steps of the sequence of each network that the page shows a part of."""

_UNITS, _CHANNELS = 16, 4
_SIDE = 12  # of the blob's frames [pixels]


@dataclass(frozen=True)
class Trained:
    """A network that has learnt its task, and a sequence to show it.

    Args:
        name: of the cell: "LSTM".
        cell: one of `RNN`, `LSTM`, `ConvLSTM`.
        readout: from the cell's h to the output, linear; without bias.
        inputs: (time, channel, ...), the longest sequence of the page.
        targets: (time, 1, ...), what the output should be.
    """

    name: str
    cell: RNN | LSTM | ConvLSTM
    readout: nn.Linear | nn.Conv2d
    inputs: Tensor
    targets: Tensor


def train_all(*, steps: int = 400) -> list[Trained]:
    """Train a plain recurrent network, an LSTM and a ConvLSTM, in well under a minute together.

    The first two are shown a random number at every step and shall say the one of five steps before. The third is shown a blob that
    moves over 12 x 12 pixels and bounces off the walls, and shall draw the next frame.

    Args:
        steps: updates of each of the first two; the ConvLSTM takes half as many.
    """
    with torch.random.fork_rng(devices=[]):
        return list(_trained(steps))


def _trained(steps: int) -> Iterator[Trained]:
    for name in ("RNN", "LSTM"):
        torch.manual_seed(1)
        cell: RNN | LSTM = RNN(1, _UNITS) if name == "RNN" else LSTM(1, _UNITS, forget_bias=FORGET_BIAS)
        for gate in cell.gates.state_weight.data.chunk(4 if name == "LSTM" else 1):
            nn.init.orthogonal_(gate)
        if isinstance(cell, LSTM):
            _hold(cell.gates.bias, _UNITS)
        readout = nn.Linear(_UNITS, 1, bias=False)
        _learn(name, cell, readout, lambda: echo(64, 30), steps)
        yield _shown(name, cell, readout, *echo(1, LONGEST))
    torch.manual_seed(1)
    images = ConvLSTM(1, _CHANNELS, 3, 3, peepholes=False)
    bias = images.state_convolution.bias
    assert isinstance(bias, nn.Parameter)  # built with one
    bias.data[_CHANNELS : 2 * _CHANNELS] = FORGET_BIAS
    _hold(bias, _CHANNELS)
    drawn = nn.Conv2d(_CHANNELS, 1, 1, bias=False)
    _learn("ConvLSTM", images, drawn, lambda: moving_blob(8, 50), steps // 2)
    yield _shown("ConvLSTM", images, drawn, *moving_blob(1, LONGEST))


def _shown(name: str, cell: RNN | LSTM | ConvLSTM, readout: nn.Linear | nn.Conv2d, inputs: Tensor, targets: Tensor) -> Trained:
    return Trained(name, cell.requires_grad_(False), readout.requires_grad_(False), inputs[0], targets[0])


def echo(batch: int, length: int, lag: int = 5) -> tuple[Tensor, Tensor]:
    """A number of -1 to 1 at every step, and what is to be said: the number `lag` steps before, 0 while there is none.

    Returns:
        inputs and targets, (batch, time, 1).
    """
    numbers = 2 * torch.rand(batch, length, 1) - 1
    return numbers, torch.cat([torch.zeros(batch, lag, 1), numbers], dim=1)[:, :length]


def moving_blob(batch: int, length: int) -> tuple[Tensor, Tensor]:
    """A round blob that goes straight on, at up to one pixel a step, and bounces off the walls.

    Returns:
        frames (batch, time, 1, y, x) of 0 to 1, and those one step later.
    """
    inner = _SIDE - 1.0 - 2 * 2.0  # the middle stays two pixels inside
    start, velocity = inner * torch.rand(batch, 1, 2), 2 * torch.rand(batch, 1, 2) - 1
    way = (start + velocity * torch.arange(length + 1.0)[:, None]) % (2 * inner)
    middle = 2.0 + torch.where(way > inner, 2 * inner - way, way)
    pixels = torch.arange(float(_SIDE))
    along = torch.exp(-((pixels - middle[..., None]) ** 2) / (2 * 1.3**2))  # (batch, time, 2, pixels), of y and of x
    frames = (along[:, :, 0, :, None] * along[:, :, 1, None, :])[:, :, None]
    return frames[:, :-1], frames[:, 1:]


def _hold(bias: nn.Parameter, units: int) -> None:
    """Keep the forget gate's part, the second quarter, as it is."""
    free = torch.ones_like(bias)
    free[units : 2 * units] = 0.0
    bias.register_hook(lambda gradient: gradient * free)  # type: ignore[no-untyped-call]


def _learn(name: str, cell: RNN | LSTM | ConvLSTM, readout: nn.Module, draw: Callable[[], tuple[Tensor, Tensor]], steps: int) -> None:
    def loss(step: int) -> Tensor:
        inputs, targets = draw()
        outputs, _ = unroll(cell, inputs)
        made: Tensor = readout(outputs.flatten(0, 1))
        error = (made - targets.flatten(0, 1)).square().mean() / targets.square().mean()
        return error

    fit([*cell.parameters(), *readout.parameters()], loss, f"{name} for the page", steps=steps, learning_rate=0.01, clip=1.0)
