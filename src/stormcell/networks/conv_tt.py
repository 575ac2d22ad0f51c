"""The twelve-layer network of the convolutional tensor-train paper, with either of its cells."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, cast

import torch
from torch import Tensor, nn

from stormcell.cells.cell import Cell, Projected, State
from stormcell.cells.conv_tt_lstm import ConvTTLSTM
from stormcell.cells.convlstm import ConvLSTM
from stormcell.cells.stack import Stack
from stormcell.networks.autoregressive import NextFrame

__all__ = ["SkipStack", "conv_tt", "convlstm_12"]


class SkipStack(nn.Module):
    """Four blocks of cells on top of each other, early outputs handed to late blocks; one cell for `unroll`.

    block 1 -> block 2 -> block 3 -> block 4, which also takes block 1 -> 1x1 convolution, which also takes block 2

    Args:
        frame: channels of a frame, in and out.
        build: makes a cell of (input channels, channels).
        blocks: channels of the four blocks.
        layers: cells in a block.

    Shapes:
        input and output (batch, frame, y, x); state: those of the cells, one after another.

    Source:
        Su et al. (2020), arXiv:2002.09131.
    """

    def __init__(
        self, frame: int, build: Callable[[int, int], nn.Module], *, blocks: tuple[int, int, int, int] = (32, 48, 48, 32), layers: int = 3
    ) -> None:
        super().__init__()
        if len(blocks) != 4:
            raise ValueError(f"SkipStack: expected the channels of four blocks, got {list(blocks)}")
        first, second, third, fourth = blocks
        below = (frame, first, second, third + first)
        self.blocks = nn.ModuleList(
            Stack([cast(Cell, build(inputs if layer == 0 else channels, channels)) for layer in range(layers)])
            for inputs, channels in zip(below, blocks, strict=True)
        )
        self.head = nn.Conv2d(fourth + second, frame, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the head's first weights: Xavier-uniform, zero bias. The cells have drawn theirs."""
        nn.init.xavier_uniform_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def project(self, inputs: Tensor) -> Projected:
        """The first block's; that of the others waits for what is below them."""
        return next(self._stacks()).project(inputs)

    def initial_state(self, like: Tensor) -> State:
        """Each cell's."""
        return tuple(part for block in self._stacks() for part in block.initial_state(like))

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of all cells, from the lowest to the highest."""
        outputs: list[Tensor] = []
        after: State = ()
        for block in self._stacks():
            if outputs:
                below = outputs[-1] if len(outputs) < 3 else torch.cat((outputs[2], outputs[0]), dim=1)
                projected = tuple(term[0] for term in block.project(below[None]))
            output, new = block.step(projected, state[len(after) : len(after) + sum(block.parts)])
            outputs.append(output)
            after = (*after, *new)
        frame: Tensor = self.head(torch.cat((outputs[3], outputs[1]), dim=1))
        return frame, after

    def _stacks(self) -> Iterator[Stack]:
        return (cast(Stack, block) for block in self.blocks)


def conv_tt(
    channels: int = 1,
    *,
    kernel: int = 5,
    order: int = 3,
    steps: int = 3,
    rank: int = 8,
    window: Literal["sliding", "fixed"] = "sliding",
    blocks: tuple[int, int, int, int] = (32, 48, 48, 32),
    layers: int = 3,
    patch: int = 1,
) -> NextFrame:
    """Conv-TT-LSTM: twelve layers, 2,687,281 weights with one channel.

    Args:
        channels: channels of a frame.
        kernel: side of all kernels [pixels], odd.
        order: cores of each tensor train.
        steps: past states that each cell sees.
        rank: channels between the cores.
        window: which of the past states a core sees, see `ConvTTLSTM`.
        blocks: channels of the four blocks.
        layers: cells in a block.
        patch: side of the squares of pixels that become channels [pixels]; 1, as in the paper, leaves frames as they are.

    Source:
        Su et al. (2020), arXiv:2002.09131. The frame is what the 1x1 convolution gives, as in its Moving MNIST runs.
    """
    cell = partial(ConvTTLSTM, kernel=kernel, order=order, steps=steps, rank=rank, window=window)
    return NextFrame(SkipStack(channels * patch**2, cell, blocks=blocks, layers=layers), patch=patch)


def convlstm_12(
    channels: int = 1,
    *,
    kernel: int = 5,
    blocks: tuple[int, int, int, int] = (32, 48, 48, 32),
    layers: int = 3,
    patch: int = 1,
) -> NextFrame:
    """The same network of plain ConvLSTMs without peepholes, the paper's baseline: 3,973,201 weights with one channel."""
    cell = partial(ConvLSTM, input_kernel=kernel, state_kernel=kernel, peepholes=False)
    return NextFrame(SkipStack(channels * patch**2, cell, blocks=blocks, layers=layers), patch=patch)
