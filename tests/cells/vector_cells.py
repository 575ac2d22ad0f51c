"""Every vector cell in every dress, as builders, for tests that hold for all of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch

from stormcell.cells.echo_state import EchoState
from stormcell.cells.gru import GRU
from stormcell.cells.lstm import LSTM
from stormcell.cells.normalization import BatchNormalise, LayerNormalise, WeightNormalise
from stormcell.cells.quantization import QUANTIZERS, quantize
from stormcell.cells.rnn import RNN
from stormcell.cells.stack import Stack
from stormcell.cells.zoneout import Zoneout

INPUTS, UNITS = 3, 4

NORMALISERS = {
    "weight": WeightNormalise,
    "layer": LayerNormalise,
    "batch": BatchNormalise,
    "batch per step": partial(BatchNormalise, steps=3),
}

PLAIN: dict[str, Callable[[], torch.nn.Module]] = {
    "rnn": lambda: RNN(INPUTS, UNITS),
    "rnn relu": lambda: RNN(INPUTS, UNITS, activation="relu"),
    "lstm": lambda: LSTM(INPUTS, UNITS, forget_bias=1.0),
    "lstm peepholes": lambda: LSTM(INPUTS, UNITS, peepholes=True),
    "gru": lambda: GRU(INPUTS, UNITS),
    "stack": lambda: Stack([LSTM(INPUTS, 5), RNN(5, 2), GRU(2, UNITS)]),
    "zoneout in use": lambda: Zoneout(LSTM(INPUTS, UNITS), (0.1, 0.5)).eval(),
}
NORMALISED: dict[str, Callable[[], torch.nn.Module]] = {
    f"{name} {norm}": partial(cell, INPUTS, UNITS, normalise=normalise)
    for name, cell in {"rnn": RNN, "lstm": partial(LSTM, peepholes=True), "gru": GRU}.items()
    for norm, normalise in NORMALISERS.items()
}
TRAINED = PLAIN | NORMALISED


def _quantised(scheme: str) -> torch.nn.Module:
    cell = LSTM(INPUTS, UNITS, normalise=LayerNormalise)
    quantize(cell, scheme)
    return cell


CELLS: dict[str, Callable[[], torch.nn.Module]] = (
    TRAINED
    | {scheme: partial(_quantised, scheme) for scheme in QUANTIZERS}
    | {"echo state": lambda: EchoState(INPUTS, UNITS, leak=0.3, density=0.9)}
)


def build(name: str, *, seed: int = 0) -> torch.nn.Module:
    """The cell of this name in double precision; no parameter is 0, so that each of them does something."""
    torch.manual_seed(seed)
    cell = CELLS[name]().double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter += 0.2 * torch.rand_like(parameter)
    return cell


def some_inputs(*, batch: int = 3, steps: int = 6, channels: int = INPUTS, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(batch, steps, channels, dtype=dtype, generator=torch.Generator().manual_seed(7))


def gradients(cell: torch.nn.Module, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    """The loss's gradient by every parameter, by name."""
    names, parameters = zip(*cell.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))


@contextmanager
def double() -> Iterator[None]:
    """New tensors are float64 within."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)
