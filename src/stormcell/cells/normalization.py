"""Normalised products: what keeps a recurrent network trainable when its weights cannot keep their own scale.

A normaliser stands behind one product, W_x x or W_h h, of all gates, and treats each gate on its own:

    [i, f, g, o] = N(W_x x) + N(W_h h) + b

Cells take a `Normalise`, which builds the normaliser for one weight: `LSTM(1, 32, normalise=LayerNormalise)`, or with settings
`functools.partial(BatchNormalise, steps=100)`. N has a gain and no shift of its own: b is the shift.

Normalisers take any number of grid axes behind the channels; `normalise_convolutions` puts them into cells made of convolutions.

Source:
    Hou et al. (2019), "Normalization Helps Training of Quantized LSTM". Departure: no shifts, which b makes redundant.
"""

from collections.abc import Collection
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from stormcell.cells.cell import State

__all__ = [
    "NORMALISERS",
    "BatchNormalise",
    "LayerNormalise",
    "Normalise",
    "Normaliser",
    "WeightNormalise",
    "normalise_convolutions",
    "tick",
]


class Normaliser(Protocol):
    """N of one product; every normaliser is a `torch.nn.Module`."""

    counts_steps: bool
    """Whether it needs to be told how many steps have been made; the cell's state then carries that number."""

    def __call__(self, product: Tensor, weight: Tensor, done: Tensor | None = None) -> Tensor:
        """The normalised product.

        Args:
            product: (batch, gates * units, ...).
            weight: what made it, as it is now (quantised, if it is); (gates * units, ...).
            done: (batch,) steps made before this one, for a normaliser that counts them.
        """
        ...


class Normalise(Protocol):
    """Builds the normaliser that goes behind one weight."""

    def __call__(self, weight: Tensor, gates: int) -> Normaliser:
        """Build.

        Args:
            weight: (gates * units, ...).
            gates: how many gates share it.
        """
        ...


class WeightNormalise(nn.Module):
    """Weight normalisation: row j of W counts by its direction alone, N(W v)_j = g_j (W v)_j / |W_j|.

    Dividing the product instead of the weight is the same and also right for quantised weights, whose rows it takes as they are.
    The gain begins at |W_j|, so N begins as the identity (and not so once the weights are quantised).

    Args:
        weight: (gates * units, ...).
        gates: not used, rows are normalised one by one.

    Source:
        Salimans & Kingma (2016), arXiv:1602.07868.
    """

    counts_steps = False

    def __init__(self, weight: Tensor, gates: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(_row_norms(weight.detach()))

    def forward(self, product: Tensor, weight: Tensor, done: Tensor | None = None) -> Tensor:
        """N of each row, as `Normaliser` says."""
        scale = self.gain / (_row_norms(weight) + 1e-8)
        return product * _per_channel(scale, product)


class LayerNormalise(nn.Module):
    """Layer normalisation of each gate: N(v)_j = g_j (v_j - mean v) / sqrt(var v + eps), mean and variance over the gate's units.

    On a grid mean and variance go over units and pixels, the gain is per unit: any grid will do.

    Args:
        weight: (gates * units, ...).
        gates: how many gates.
        gain: where the gain begins.
        eps: keeps a gate without variance finite.

    Source:
        Ba et al. (2016), arXiv:1607.06450. Departure: the LSTM's cell is not normalised, as in Hou et al.
    """

    counts_steps = False

    def __init__(self, weight: Tensor, gates: int, *, gain: float = 1.0, eps: float = 1e-5) -> None:
        super().__init__()
        self.gates, self.eps = gates, eps
        self.gain = nn.Parameter(weight.new_full((weight.shape[0],), gain))

    def forward(self, product: Tensor, weight: Tensor, done: Tensor | None = None) -> Tensor:
        """N of each gate, as `Normaliser` says."""
        return functional.group_norm(product, self.gates, self.gain, eps=self.eps)


class BatchNormalise(nn.Module):
    """Batch normalisation: N(v)_j = g_j (v_j - mean v_j) / sqrt(var v_j + eps), mean and variance over the batch (and the grid).

    In training every step has the statistics of its own batch, so one step at a time gives what a whole sequence gives. For use,
    running means are kept: one for all steps ("shared"), or one for each of the first `steps` steps ("separate"; later steps take
    the last), since the statistics drift as a state fills up. The step is counted in the cell's state.

    Sequences that a mask has finished still count in the batch's statistics; for very different lengths choose another normaliser.

    Args:
        weight: (gates * units, ...).
        gates: not used, units are normalised one by one.
        steps: how many steps have running statistics of their own; 1 shares them over time.
        gain: where the gain begins; Cooijmans et al. advise 0.1 for tanh and sigmoid.
        momentum: weight of the new batch in the running statistics.
        eps: keeps a unit without variance finite.

    Raises:
        ValueError: `steps` below 1; in training, a single sequence of a single pixel, which has no variance.

    Source:
        Ioffe & Szegedy (2015), arXiv:1502.03167; Cooijmans et al. (2017), arXiv:1603.09025 (in recurrent networks, per step).
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, weight: Tensor, gates: int, *, steps: int = 1, gain: float = 1.0, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"batch normalisation needs statistics for 1 step or more, got steps={steps}")
        self.counts_steps = steps > 1
        self.momentum, self.eps = momentum, eps
        self.gain = nn.Parameter(weight.new_full((weight.shape[0],), gain))
        self.register_buffer("running_mean", weight.new_zeros(steps, weight.shape[0]))
        self.register_buffer("running_var", weight.new_ones(steps, weight.shape[0]))

    def forward(self, product: Tensor, weight: Tensor, done: Tensor | None = None) -> Tensor:
        """N of each unit, as `Normaliser` says."""
        rows = torch.zeros(1, dtype=torch.int64, device=product.device) if done is None else done.clamp(max=len(self.running_mean) - 1)
        if self.training:
            return self._of_batch(product, rows.max().reshape(1))
        scale = self.gain * (self.running_var[rows] + self.eps).rsqrt()
        return (product - _per_channel(self.running_mean[rows], product)) * _per_channel(scale, product)

    def _of_batch(self, product: Tensor, row: Tensor) -> Tensor:
        """Normalise by this batch, and move the running statistics of this row, (1,), towards it."""
        if product.numel() == product.shape[1]:
            raise ValueError("batch normalisation in training needs a batch of two or more; call eval() to use the running statistics")
        mean, var = self.running_mean[row][0], self.running_var[row][0]
        normalised = functional.batch_norm(product, mean, var, self.gain, training=True, momentum=self.momentum, eps=self.eps)
        with torch.no_grad():
            self.running_mean.index_copy_(0, row, mean[None])
            self.running_var.index_copy_(0, row, var[None])
        return normalised


NORMALISERS: dict[str, Normalise] = {
    "batch": BatchNormalise,
    "layer": LayerNormalise,
    "weight": WeightNormalise,
}


def normalise_convolutions(
    cell: nn.Module, normalise: Normalise, *, names: Collection[str] = ("input_convolution", "state_convolution", "memory_convolution")
) -> None:
    """Put a normaliser behind the convolutions of a cell, W * v + b becomes N(W * v) + b; the cell itself does not notice.

    The inputs' convolution takes many steps in one batch: as many as `unroll` projects at once, which the size of the images decides, and
    truncation and checkpoints. Batch normalisation takes its statistics over them, time included: statistics of each step are not to be
    had here, and what is learnt depends a little on those.

    Args:
        cell: a convolutional cell, with `channels`; changed in place.
        normalise: makes each normaliser.
        names: the layers; those that the cell does not have are passed over.

    Raises:
        ValueError: the cell has no such layer, or the normaliser counts steps.
    """
    layers = {name: layer for name in names if isinstance(layer := getattr(cell, name, None), nn.Conv2d)}
    if not layers:
        raise ValueError(f"{type(cell).__name__} has no convolutions called {', '.join(names)}")
    for name, layer in layers.items():
        setattr(cell, name, _NormalisedConvolution(layer, normalise, layer.out_channels // cast(int, cell.channels)))


class _NormalisedConvolution(nn.Module):
    """N(W * v) + b, in the place of a convolution W * v + b, whose bias it takes over."""

    def __init__(self, layer: nn.Conv2d, normalise: Normalise, gates: int) -> None:
        super().__init__()
        self.bias, layer.bias = layer.bias, None
        self.layer, self.normaliser = layer, normalise(layer.weight, gates)
        if self.normaliser.counts_steps:
            raise ValueError("convolutions cannot have statistics for each step; share them over time")

    def forward(self, values: Tensor) -> Tensor:
        normalised = self.normaliser(self.layer(values), self.layer.weight)
        return normalised if self.bias is None else normalised + _per_channel(self.bias, normalised)


def tick(counter: State) -> State:
    """One more step made; nothing stays nothing."""
    return tuple(done + 1 for done in counter)


def _per_channel(values: Tensor, product: Tensor) -> Tensor:
    """(channel,) or (batch, channel) as (..., channel, 1, 1, ...), to go with a product (batch, channel, ...)."""
    return values.reshape(*values.shape, *(1 for _ in range(product.dim() - 2)))


def _row_norms(weight: Tensor) -> Tensor:
    """|W_j| of every row, (rows,)."""
    norms: Tensor = torch.linalg.vector_norm(weight.flatten(1), dim=1)
    return norms
