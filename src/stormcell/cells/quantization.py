"""Recurrent weights of one or two bits: the forward pass sees a few levels, the full-precision copies learn.

    binary                                        ternary, where |w| > t
    binary-connect  sign(w)                       ter-connect  sign(w),             t = 0.7 mean |w|
    bwn             mean |w| sign(w)              twn          mean of the kept |w| sign(w), same t
    lab             sum(D |w|) / sum(D) sign(w)   lat          a sign(w), t = a / 2, a = mean of the kept |w| weighted by D

Each gate's W_x and W_h is a matrix (or a kernel) on its own; biases, peepholes and gains stay as they are. The gradient goes
straight through to the full-precision copies, which the optimiser moves. D is the loss's curvature, which the loss-aware schemes
take from Adam's second moments v as D = sqrt(v) + 1e-8; before the first `update_curvature` D = 1.

Without normalisation such networks mostly do not train: `normalization` says what to do about it.

Levels are made anew whenever a weight is read, that is at every step; `with torch.nn.utils.parametrize.cached():` around the forward
pass makes them once.

Source:
    Hou et al. (2019), "Normalization Helps Training of Quantized LSTM", and its released code; Courbariaux et al. (2015),
    arXiv:1511.00363 (BinaryConnect); Rastegari et al. (2016), arXiv:1603.05279 (BWN); Hou et al. (2017), arXiv:1611.01600 (LAB);
    Lin et al. (2016), arXiv:1510.03009 (TerConnect, here with TWN's threshold); Li & Liu (2016), arXiv:1605.04711 (TWN);
    Hou & Kwok (2018), arXiv:1802.08635 (LAT, the approximate form).
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = ["QUANTIZERS", "Quantizer", "quantize", "update_curvature"]

Quantizer = Callable[[Tensor, Tensor], Tensor]
"""(weights, curvature), each (gates, weights of a gate), to levels of the same shape."""

_NAMES = ("input_weight", "state_weight", "input_convolution", "state_convolution", "memory_convolution")
_LAT_ROUNDS = 20  # until a moves by less than 1e-6: about 10 for thousands of weights, 16 for hundreds of thousands


def binary_connect(weight: Tensor, curvature: Tensor) -> Tensor:
    """-1 and 1."""
    return torch.where(weight >= 0, 1.0, -1.0).to(weight.dtype)


def bwn(weight: Tensor, curvature: Tensor) -> Tensor:
    """-a and a, a = mean |w|: the nearest such matrix."""
    return weight.abs().mean(1, keepdim=True) * binary_connect(weight, curvature)


def lab(weight: Tensor, curvature: Tensor) -> Tensor:
    """-a and a, a = sum(D |w|) / sum(D): the nearest where it matters to the loss."""
    return _weighted_mean(weight.abs(), curvature) * binary_connect(weight, curvature)


def ter_connect(weight: Tensor, curvature: Tensor) -> Tensor:
    """-1, 0 and 1."""
    return _ternary(weight, 0.7 * weight.abs().mean(1, keepdim=True))


def twn(weight: Tensor, curvature: Tensor) -> Tensor:
    """-a, 0 and a, a = mean of the |w| that are kept."""
    signs = ter_connect(weight, curvature)
    return _weighted_mean(weight.abs(), signs.abs()) * signs


def lat(weight: Tensor, curvature: Tensor) -> Tensor:
    """-a, 0 and a: a = sum(D |w|) / sum(D) over the kept, kept is |w| > a / 2, in turns until both hold."""
    scale = _weighted_mean(weight.abs(), curvature)
    for _ in range(_LAT_ROUNDS):
        signs = _ternary(weight, scale / 2)
        scale = _weighted_mean(weight.abs(), signs.abs() * curvature)
    return scale * signs


QUANTIZERS: dict[str, Quantizer] = {
    "binary-connect": binary_connect,
    "bwn": bwn,
    "lab": lab,
    "lat": lat,
    "ter-connect": ter_connect,
    "twn": twn,
}
_LOSS_AWARE = {"lab", "lat"}


def quantize(module: nn.Module, scheme: str, *, names: Collection[str] = _NAMES) -> None:
    """From now on the recurrent weights below a module are read as levels; their full-precision copies are what trains.

    A weight's gates are blocks of as many rows as the cell that owns it has `units` or `channels`; a weight whose rows are no multiple
    of that is one block. `torch.nn.utils.parametrize.remove_parametrizations` turns levels into plain weights for good.

    Args:
        module: a cell, a stack or a network of any cells; changed in place. Optimisers made before stay right.
        scheme: a name in `QUANTIZERS`.
        names: what is quantised: parameters of these names, and the weights of layers of these names. As it is, W_x and W_h of
            every cell here, but not what makes TrajGRU's flows or ConvTTLSTM's cores.

    Raises:
        ValueError: no such scheme; no such weights in the module; weights that are quantised already.
    """
    if scheme not in QUANTIZERS:
        raise ValueError(f"unknown scheme {scheme!r}: expected one of {', '.join(QUANTIZERS)}")
    if next(_levels_below(module), None) is not None:
        raise ValueError("quantize: these weights are quantised already")
    chosen = list(_weights_called(names, module))
    if not chosen:
        raise ValueError(f"quantize: {type(module).__name__} has no weights called {', '.join(names)}")
    for owner, name, width in chosen:
        weight = cast(Tensor, getattr(owner, name))
        gates = weight.shape[0] // width if weight.shape[0] % width == 0 else 1
        curvature = torch.ones_like(weight) if scheme in _LOSS_AWARE else None
        parametrize.register_parametrization(owner, name, _Levels(scheme, gates, curvature), unsafe=True)


@torch.no_grad()
def update_curvature(module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Hand Adam's second moments to the loss-aware schemes: D = sqrt(v) + 1e-8. To be called after each step of the optimiser.

    Args:
        module: what `quantize` was given; other schemes than LAB and LAT take no notice.
        optimizer: Adam or a relative that keeps `exp_avg_sq`, over the module's parameters. What it has not yet moved stays as it is.
    """
    for full_precision, levels in _levels_below(module):
        moment = optimizer.state.get(full_precision, {}).get("exp_avg_sq")
        if levels.curvature is not None and moment is not None:
            levels.curvature.copy_(moment.sqrt() + 1e-8)


class _Levels(nn.Module):
    """A weight's levels, gate by gate."""

    curvature: Tensor | None

    def __init__(self, scheme: str, gates: int, curvature: Tensor | None) -> None:
        super().__init__()
        self.scheme, self.gates = scheme, gates
        self.register_buffer("curvature", curvature)

    def forward(self, weight: Tensor) -> Tensor:
        with torch.no_grad():
            blocks = weight.reshape(self.gates, -1)
            curvature = torch.ones_like(blocks) if self.curvature is None else self.curvature.reshape(self.gates, -1)
            levels = QUANTIZERS[self.scheme](blocks, curvature).reshape(weight.shape)
        through: Tensor = _StraightThrough.apply(weight, levels)  # type: ignore[no-untyped-call]
        return through


class _StraightThrough(torch.autograd.Function):
    """The levels, exactly; the gradient as if they were the weight (Bengio et al. 2013, arXiv:1308.3432)."""

    @staticmethod
    def forward(weight: Tensor, levels: Tensor) -> Tensor:
        return levels.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def _ternary(weight: Tensor, threshold: Tensor) -> Tensor:
    return torch.sign(weight) * (weight.abs() > threshold)


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """One mean a gate, (gates, 1); 0 where nothing has weight."""
    return (values * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True).clamp_min(torch.finfo(values.dtype).tiny)


def _weights_called(names: Collection[str], module: nn.Module) -> Iterator[tuple[nn.Module, str, int]]:
    """(owner, name in it, rows of a gate) of every weight that is called so, or belongs to a layer that is."""
    parts = dict(module.named_modules())
    for path, parameter in module.named_parameters():
        *owners, name = path.split(".")
        above = (parts[".".join(owners[:end])] for end in range(len(owners), -1, -1))
        width = next((width for part in above if (width := _width(part))), None)
        if width and parameter.dim() > 1 and not {*owners, name}.isdisjoint(names):
            yield parts[".".join(owners)], name, width


def _width(part: nn.Module) -> int | None:
    """A cell's number of units or channels; None for what is not a cell."""
    width = getattr(part, "units", None) or getattr(part, "channels", None)
    return width if isinstance(width, int) else None


def _levels_below(module: nn.Module) -> Iterator[tuple[Tensor, _Levels]]:
    """Each full-precision copy, and what makes levels of it."""
    for part in module.modules():
        if isinstance(part, parametrize.ParametrizationList):
            yield from ((part.original, levels) for levels in part if isinstance(levels, _Levels))
