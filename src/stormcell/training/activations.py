"""Which units of a network do nothing: activations on the flat side of their function, looked at while the network runs."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from stormcell.cells.conv_tt_lstm import ConvTTLSTM
from stormcell.cells.convgru import ConvGRU
from stormcell.cells.convlstm import ConvLSTM
from stormcell.cells.gru_gates import Activation
from stormcell.cells.trajgru import TrajGRU

__all__ = ["Flat", "Watch", "watching"]

_SATURATED = 0.01  # distance from the end of its range at which a sigmoid or tanh counts as saturated
_KINDS = {
    "sigmoid": ("sigmoid", lambda a: (a < _SATURATED) | (a > 1 - _SATURATED)),
    "tanh": ("tanh", lambda a: a.abs() > 1 - _SATURATED),
    "relu": ("relu", lambda a: a <= 0),
    "leaky_relu": ("leaky_relu", lambda a: a < 0),
}
_OUTSIDE = "between cells"
_METHODS = {"step": "", "advance": "", "flows": ".flows"}  # of cells, and what is added to the cell's name


class Flat(NamedTuple):
    """How much of one kind of activation in one cell is flat.

    Attributes:
        cell: name of the cell in the network, with ".flows" behind it for TrajGRU's structure generator; "between cells" for what
            belongs to none.
        kind: "sigmoid" and "tanh" (flat: saturated, within 0.01 of an end), "relu" and "leaky_relu" (flat: the negative side).
        share: of all activations, 0 to 1.
        dead: share of the units (channels of one gate) that were flat at every pixel, sequence and step: nothing, or only the slope of
            the negative side, comes back through them.
    """

    cell: str
    kind: str
    share: float
    dead: float


@dataclass
class _Count:
    flat: float = 0.0
    seen: int = 0
    always: dict[int, Tensor] = field(default_factory=dict)  # the how-manieth of its kind in a step -> was each channel flat so far?


class Watch(TorchFunctionMode):
    """Counts the activations that torch works out while it is active. Made by `watching`."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = _OUTSIDE
        self.place: dict[str, int] = defaultdict(int)
        self._counts: dict[tuple[str, str], _Count] = defaultdict(_Count)

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Let torch do what it does, and look at the result."""
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").rstrip("_")
        if name in _KINDS:
            self._see(*_KINDS[name], result.detach())
        return result

    def results(self) -> list[Flat]:
        """What was seen so far, cell by cell in the order in which they ran."""
        return [
            Flat(cell, kind, count.flat / count.seen, torch.cat(list(count.always.values())).double().mean().item())
            for (cell, kind), count in self._counts.items()
        ]

    def _see(self, kind: str, is_flat: Callable[[Tensor], Tensor], activation: Tensor) -> None:
        flat = is_flat(activation)
        channel = 2 if flat.dim() == 5 else 1  # (batch, time, channel, y, x), else (batch, channel, ...)
        always = flat.movedim(channel, 0).flatten(1).all(1)
        count, place = self._counts[self.cell, kind], self.place[kind]
        count.flat += float(flat.sum())
        count.seen += flat.numel()
        count.always[place] = always & count.always.get(place, always)
        self.place[kind] += 1


@contextmanager
def watching(network: nn.Module) -> Iterator[Watch]:
    """See the activations of a network: run it within `with watch:`.

    For as long as this lasts, gates that are fused or compiled give way to the plain equations, in which every activation can be seen;
    the network gives the same up to rounding. Cells that torch runs as one kernel (`unroll_fused`) are not seen.

    Args:
        network: put back as it was when the block ends.
    """
    watch = Watch()
    with ExitStack() as stack:
        for name, cell in network.named_modules():
            for method, part in _METHODS.items():
                if hasattr(cell, "project") and hasattr(cell, method):
                    stack.enter_context(_instead(cell, method, _named(watch, (name or "cell") + part, getattr(cell, method))))
            if isinstance(cell, ConvLSTM | ConvTTLSTM):
                stack.enter_context(_instead(cell, "combine", _plain_lstm))
            elif isinstance(cell, ConvGRU | TrajGRU):
                stack.enter_context(_instead(cell, "combine", _plain_gru))
        yield watch


def _named(watch: Watch, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """The same method, during which activations are put down to this cell; cells within cells have their own."""

    def named(*args: Any) -> Any:
        outer = watch.cell, watch.place
        watch.cell, watch.place = name, defaultdict(int)
        try:
            return method(*args)
        finally:
            watch.cell, watch.place = outer

    return named


@contextmanager
def _instead(module: nn.Module, name: str, value: Callable[..., Any]) -> Iterator[None]:
    """The module has this attribute of its own while the block runs."""
    own = vars(module).get(name)
    setattr(module, name, value)
    try:
        yield
    finally:
        if own is None:
            delattr(module, name)
        else:
            setattr(module, name, own)


def _plain_lstm(from_input: Tensor | None, from_state: Tensor, c: Tensor, peepholes: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The equations of `lstm_gates` as they stand."""
    products = from_state if from_input is None else from_input + from_state
    i, f, g, o = products.to(c.dtype).chunk(4, dim=1)
    if peepholes is not None:
        to_i, to_f, to_o = peepholes[..., None, None]
        i, f = i + to_i * c, f + to_f * c
    new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    if peepholes is not None:
        o = o + to_o * new
    return (torch.sigmoid(o) * torch.tanh(new)).to(products.dtype), new


def _plain_gru(from_input: Tensor | None, from_state: Tensor, h: Tensor, activation: Activation) -> Tensor:
    """The equations of `gru_gates` as they stand."""
    r, u, new = from_state.chunk(3, dim=1)
    to_r, to_u, to_new = (0.0, 0.0, 0.0) if from_input is None else from_input.chunk(3, dim=1)
    candidate = activation(to_new + torch.sigmoid(to_r + r) * new)
    return candidate + torch.sigmoid(to_u + u) * (h - candidate)
