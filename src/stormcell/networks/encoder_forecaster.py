"""Encoder-forecaster: cells read the past from fine to coarse, cells like them write the future from coarse to fine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from stormcell.cells.cell import Cell, State, unroll
from stormcell.cells.convgru import ConvGRU
from stormcell.cells.convlstm import ConvLSTM
from stormcell.cells.convolution import msra_, over_time, same_size
from stormcell.cells.gru_gates import leaky_relu
from stormcell.cells.trajgru import TrajGRU
from stormcell.networks.autoregressive import from_patches, to_patches

__all__ = ["CellBuilder", "EncoderForecaster", "Resampling", "Stage", "hko7", "moving_mnist_pp", "shi2015"]

CellBuilder = Callable[[int | None, int], nn.Module]
"""Makes a cell of (input channels, None for a layer without input; channels)."""


@dataclass(frozen=True)
class Resampling:
    """A strided convolution that makes a grid coarser, or the transposed one that makes it finer again.

    Args:
        channels: channels of the result.
        kernel: side [pixels].
        stride: how much coarser or finer.
        padding: zeros on each side [pixels].
    """

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True)
class Stage:
    """One resolution of the network: what leads to it, its two cells (reading and writing), what leads back.

    Args:
        channels: channels of its cells.
        cell: makes them.
        down: before the reading cell; None keeps the grid.
        up: after the writing cell; None keeps the grid.
    """

    channels: int
    cell: CellBuilder
    down: Resampling | None = None
    up: Resampling | None = None


class EncoderForecaster(nn.Module):
    """The past goes down the stages, each stage's state is copied, and the forecast comes up in reversed order.

    The forecaster's first (coarsest) cell has no input: all it knows is in the copied state. Down- and up-sampling are followed by
    a leaky ReLU of slope 0.2; up-sampling has no bias.

    Args:
        stages: from the finest to the coarsest.
        channels: channels of a frame.
        patch: side of the squares of pixels that become channels [pixels]; 1 leaves frames as they are.
        coordinates: whether the input also holds x and y from -1 to 1 and a channel of ones.
        tail: channels of a 3x3 convolution (and leaky ReLU) before the last one, 1x1; None for none.
        join_all: whether the last convolution sees the outputs of all forecaster cells (which are then on one grid), or what came
            up from the finest.
        dropout: share of each cell's outputs that are set to 0 in training on their way to the next layer; what a cell hands to its
            own next step is never touched.

    Shapes:
        past (batch, time, channel, y, x) to forecast (batch, steps, channel, y, x), any grid of whole patches: where a coarse grid
        does not divide the fine one, up-sampling pads or crops at the far sides.

    Source:
        Shi et al. (2015), arXiv:1506.04214; Shi et al. (2017), arXiv:1706.03458. First weights of all that is not a cell: `msra_` of
        slope 0.2 and zero biases, as for the networks of 2017 (what those of 2015 had outside the cells is not known).
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        channels: int = 1,
        patch: int = 1,
        coordinates: bool = False,
        tail: int | None = None,
        join_all: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not stages:
            raise ValueError("EncoderForecaster: expected one stage or more")
        if patch < 1:
            raise ValueError(f"EncoderForecaster: expected patches of one pixel or more, got {patch}")
        if join_all and any(stage.down or stage.up for stage in stages):
            raise ValueError("EncoderForecaster: join_all needs all stages on one grid, without down- or up-sampling")
        self.patch, self.coordinates, self.join_all = patch, coordinates, join_all
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"EncoderForecaster: expected dropout from 0 to below 1, got {dropout}")
        self.dropout = dropout
        frame = channels * patch**2
        self.down, self.readers = nn.ModuleList(), nn.ModuleList()
        below = frame + 3 * coordinates
        for stage in stages:
            self.down.append(_coarser(below, stage.down))
            self.readers.append(stage.cell(stage.down.channels if stage.down else below, stage.channels))
            below = stage.channels
        self.writers, self.up = nn.ModuleList(), nn.ModuleList()
        above = None
        for stage in reversed(stages):
            self.writers.append(stage.cell(above, stage.channels))
            self.up.append(_finer(stage.channels, stage.up))
            above = stage.up.channels if stage.up else stage.channels
        seen = sum(stage.channels for stage in stages) if join_all else cast(int, above)
        self.tail = None if tail is None else same_size(seen, tail, 3)
        self.head = nn.Conv2d(seen if tail is None else tail, frame, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights of what is not a cell. The cells have drawn theirs."""
        for layer in (*self.down, *self.up, self.tail, self.head):
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                msra_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, past: Tensor, steps: int, *, truncate: int | None = None, checkpoint_every: int | None = None) -> Tensor:
        """The next `steps` frames. They are what the last convolution gives: not held to any range.

        Args:
            past: (batch, time, channel, y, x).
            steps: how many frames.
            truncate: see `stormcell.cells.cell.unroll`; encoder and forecaster each count from their own first step.
            checkpoint_every: see there.
        """
        states = self.encode(past, truncate=truncate, checkpoint_every=checkpoint_every)
        grid = past.shape[-2], past.shape[-1]
        return self.forecast(states, steps, grid, truncate=truncate, checkpoint_every=checkpoint_every)

    def encode(
        self, past: Tensor, states: Sequence[State] | None = None, *, truncate: int | None = None, checkpoint_every: int | None = None
    ) -> tuple[State, ...]:
        """Read the past.

        Args:
            past: (batch, time, channel, y, x).
            states: what an earlier call gave, to go on from there.
            truncate: see `forward`.
            checkpoint_every: see `forward`.

        Returns:
            The state of each stage, the finest first.

        Raises:
            ValueError: the grid is not a whole number of patches.
        """
        x = to_patches(past, self.patch)
        if self.coordinates:
            x = torch.cat((x, _coordinates(x)), dim=2)
        ends = []
        for index, (down, reader) in enumerate(zip(self.down, self.readers, strict=True)):
            if isinstance(down, nn.Conv2d):
                x = leaky_relu(over_time(down, x))
            state = None if states is None else states[index]
            x, end = unroll(cast(Cell, reader), x, state, truncate=truncate, checkpoint_every=checkpoint_every)
            x = functional.dropout(x, self.dropout, self.training)
            ends.append(end)
        return tuple(ends)

    def forecast(
        self,
        states: Sequence[State],
        steps: int,
        grid: tuple[int, int],
        *,
        truncate: int | None = None,
        checkpoint_every: int | None = None,
    ) -> Tensor:
        """Write the future.

        Args:
            states: what `encode` gave.
            steps: how many frames.
            grid: y and x of the frames [pixels].
            truncate: see `forward`.
            checkpoint_every: see `forward`.

        Returns:
            (batch, steps, channel, y, x).
        """
        finer = [(grid[0] // self.patch, grid[1] // self.patch), *((state[0].shape[-2], state[0].shape[-1]) for state in states[:-1])]
        x: Tensor | None = None
        outputs = []
        for state, size, writer, up in zip(reversed(states), reversed(finer), self.writers, self.up, strict=True):
            x, _ = unroll(cast(Cell, writer), x, state, steps=steps, truncate=truncate, checkpoint_every=checkpoint_every)
            x = functional.dropout(x, self.dropout, self.training)
            outputs.append(x)
            if isinstance(up, nn.ConvTranspose2d):
                x = leaky_relu(_up(up, x, size))
        assert x is not None  # there is a stage
        if self.join_all:
            x = torch.cat(outputs, dim=2)
        if self.tail is not None:
            x = leaky_relu(over_time(self.tail, x))
        return from_patches(over_time(self.head, x), self.patch)


def _coarser(inputs: int, by: Resampling | None) -> nn.Module:
    return nn.Identity() if by is None else nn.Conv2d(inputs, by.channels, by.kernel, by.stride, by.padding)


def _finer(inputs: int, by: Resampling | None) -> nn.Module:
    return nn.Identity() if by is None else nn.ConvTranspose2d(inputs, by.channels, by.kernel, by.stride, by.padding, bias=False)


def _up(layer: nn.ConvTranspose2d, x: Tensor, size: tuple[int, int]) -> Tensor:
    """A transposed convolution over time, to this size: longer by less than a stride where it would fall short, cropped where not."""
    natural = [
        (length - 1) * layer.stride[axis] - 2 * cast(int, layer.padding[axis]) + layer.kernel_size[axis]
        for axis, length in enumerate(x.shape[-2:])
    ]
    more = [min(max(wanted - length, 0), layer.stride[axis] - 1) for axis, (wanted, length) in enumerate(zip(size, natural, strict=True))]
    folded = functional.conv_transpose2d(
        x.flatten(0, 1), layer.weight, layer.bias, layer.stride, cast(tuple[int, int], layer.padding), more
    )
    return folded[..., : size[0], : size[1]].reshape(*x.shape[:2], -1, *size)


def _coordinates(x: Tensor) -> Tensor:
    """x and y of every pixel, from -1 to 1 across the grid, and ones: (batch, time, 3, y, x)."""
    rows, columns = x.shape[-2:]
    across = torch.linspace(-1, 1, columns, device=x.device, dtype=x.dtype).expand(rows, columns)
    down = torch.linspace(-1, 1, rows, device=x.device, dtype=x.dtype)[:, None].expand(rows, columns)
    return torch.stack((across, down, torch.ones_like(down))).expand(*x.shape[:2], -1, -1, -1)


def shi2015(
    hidden: Sequence[int] = (128, 64, 64),
    *,
    input_kernel: int = 5,
    state_kernel: int = 5,
    patch: int = 4,
    channels: int = 1,
    dropout: float = 0.0,
) -> EncoderForecaster:
    """The ConvLSTM network of 2015; the default is its best on Moving MNIST (64x64): 7,585,296 weights.

    For its radar data: hidden (64, 64), kernels of 3, patch 2. It was trained with the cross-entropy of the sigmoid of what it gives.

    Args:
        hidden: channels of each layer, the lowest first.
        input_kernel: side of the input-to-state kernels [pixels], odd.
        state_kernel: side of the state-to-state kernels [pixels], odd.
        patch: side of the squares of pixels that become channels [pixels].
        channels: channels of a frame.
        dropout: see `EncoderForecaster`.

    Source:
        Shi et al. (2015), arXiv:1506.04214, section 3.2 and table 1.
    """
    cell = partial(ConvLSTM, input_kernel=input_kernel, state_kernel=state_kernel)
    return EncoderForecaster([Stage(width, cell) for width in hidden], channels=channels, patch=patch, join_all=True, dropout=dropout)


def _convgrus(*kernels: int, dilation: int = 1) -> tuple[CellBuilder, ...]:
    return tuple(partial(ConvGRU, state_kernel=kernel, dilation=dilation) for kernel in kernels)


def _trajgrus(*links: int) -> tuple[CellBuilder, ...]:
    return tuple(partial(TrajGRU, links=number) for number in links)


_HKO7_CELLS: dict[str, tuple[CellBuilder, ...]] = {
    "convgru": _convgrus(5, 5, 3),
    "convlstm": (partial(ConvLSTM, input_kernel=3, state_kernel=3),) * 3,
    "trajgru": _trajgrus(13, 13, 9),
}
_MOVING_MNIST_PP_CELLS: dict[str, tuple[CellBuilder, ...]] = {
    "convgru-k3d2": _convgrus(3, 3, 3, dilation=2),
    "convgru-k5d1": _convgrus(5, 5, 5),
    "convgru-k7d1": _convgrus(7, 7, 7),
    "trajgru-l5": _trajgrus(5, 5, 5),
    "trajgru-l9": _trajgrus(9, 9, 9),
    "trajgru-l13": _trajgrus(13, 13, 13),
    "trajgru-l17": _trajgrus(17, 17, 17),
}


def hko7(cell: str = "trajgru") -> EncoderForecaster:
    """The network of the HKO-7 benchmark (480x480 pixels, 5 frames to 20): grids of 96, 32 and 16 pixels a side.

    Args:
        cell: "trajgru" (L = 13, 13, 9; 12,150,053 weights), "convgru" (kernels 5, 5, 3; 13,649,081), or "convlstm" (kernels 3, which is
            not in the paper but in later comparisons on its data).

    Source:
        Shi et al. (2017), arXiv:1706.03458, as their published code has it.
    """
    fine, middle, coarse = _chosen(_HKO7_CELLS, cell)
    return EncoderForecaster(
        [
            Stage(64, fine, down=Resampling(8, 7, 5, 1), up=Resampling(8, 7, 5, 1)),
            Stage(192, middle, down=Resampling(192, 5, 3, 1), up=Resampling(192, 5, 3, 1)),
            Stage(192, coarse, down=Resampling(192, 3, 2, 1), up=Resampling(192, 4, 2, 1)),
        ],
        coordinates=True,
        tail=8,
    )


def moving_mnist_pp(cell: str = "trajgru-l13") -> EncoderForecaster:
    """The network of MovingMNIST++ (64x64 pixels, 10 frames to 10): grids of 64, 32 and 16 pixels a side.

    Args:
        cell: "trajgru-l5", "-l9", "-l13", "-l17" (links), "convgru-k3d2", "-k5d1", "-k7d1" (state kernel and dilation).

    Source:
        Shi et al. (2017), arXiv:1706.03458, as their published code has it.
    """
    fine, middle, coarse = _chosen(_MOVING_MNIST_PP_CELLS, cell)
    return EncoderForecaster(
        [
            Stage(64, fine, down=Resampling(16, 3, 1, 1), up=Resampling(16, 3, 1, 1)),
            Stage(96, middle, down=Resampling(96, 3, 2, 1), up=Resampling(96, 4, 2, 1)),
            Stage(96, coarse, down=Resampling(96, 3, 2, 1), up=Resampling(96, 4, 2, 1)),
        ],
        coordinates=True,
        tail=16,
    )


def _chosen(cells: dict[str, tuple[CellBuilder, ...]], name: str) -> tuple[CellBuilder, ...]:
    if name not in cells:
        raise ValueError(f"expected a cell out of {', '.join(cells)}, got {name!r}")
    return cells[name]
