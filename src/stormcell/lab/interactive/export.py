"""Trained networks as ONNX graphs of one step, forwards and backwards, for the page's script."""

import base64
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from stormcell.cells import RNN
from stormcell.lab.interactive.models import Trained
from stormcell.lab.interactive.steps import ForwardStep, GatedBackward, PlainBackward
from stormcell.runtimes.export import quiet
from stormcell.runtimes.runtime import needed

__all__ = ["exported", "stored"]


def exported(trained: Trained) -> tuple[bytes, bytes]:
    """The step of a network and the way back through it, as ONNX.

    Batch and grid are free; weights are inside, the scale of the recurrent ones and the forget bias are inputs. Names:

        forwards    x, h, c, scale, forget_bias -> y, h_new, c_new, gates      plain: x, h, scale -> y, h_new
        backwards   dh, dc, gates, c, c_new, scale -> dh_old, dc_old           plain: dh, h_new, scale -> dh_old

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
    """
    x = trained.inputs[:1].expand(2, *trained.inputs.shape[1:]).clone()
    channels = trained.readout.weight.shape[1]
    state = torch.zeros(2, channels, *x.shape[2:])
    scale = torch.ones(1)
    if isinstance(trained.cell, RNN):
        forward = {"x": x, "h": state, "c": None, "scale": scale, "forget_bias": None}
        backward = {"dh": state, "new": state, "scale": scale}
        return (
            _graph(ForwardStep(trained), forward, ["x", "h", "scale"], ["y", "h_new"]),
            _graph(PlainBackward(trained), backward, ["dh", "h_new", "scale"], ["dh_old"]),
        )
    gates = torch.cat([state] * 4, dim=1)
    forward = {"x": x, "h": state, "c": state, "scale": scale, "forget_bias": scale}
    backward = {"dh": state, "dc": state, "gates": gates, "c": state, "new": state, "scale": scale}
    return (
        _graph(ForwardStep(trained), forward, list(forward), ["y", "h_new", "c_new", "gates"]),
        _graph(GatedBackward(trained), backward, ["dh", "dc", "gates", "c", "c_new", "scale"], ["dh_old", "dc_old"]),
    )


def stored(trained: Trained) -> dict[str, Any]:
    """A network, its graphs and its sequence as plain values of JSON; arrays and graphs in base64, arrays of float32.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
    """
    forward, backward = exported(trained)
    return {
        "forward": base64.b64encode(forward).decode(),
        "backward": base64.b64encode(backward).decode(),
        "gates": [] if isinstance(trained.cell, RNN) else ["i", "f", "g", "o"],
        "units": trained.readout.weight.shape[1],
        "shape": list(trained.inputs.shape[1:]),
        "readout": _text(trained.readout.weight),
        "inputs": _text(trained.inputs),
        "targets": _text(trained.targets),
    }


def _graph(module: nn.Module, arguments: Mapping[str, Tensor | None], inputs: list[str], outputs: list[str]) -> bytes:
    for package in ("onnx", "onnxscript"):
        needed(package, extra="export", purpose="the interactive page")
    free = {name: _free(value) for name, value in arguments.items()}
    with quiet():
        program = torch.onnx.export(
            module.eval(),
            kwargs={name: None if value is None else value.clone() for name, value in arguments.items()},  # one tensor twice is one input
            dynamo=True,
            dynamic_shapes=free,
            input_names=inputs,
            output_names=outputs,
            verbose=False,
        )
    assert program is not None  # with dynamo=True and no file
    graph: bytes = program.model_proto.SerializeToString()
    return graph


def _free(value: Tensor | None) -> dict[int, Any] | None:
    if value is None or value.dim() == 1:
        return None if value is None else {}
    return {axis: Dim(name) for axis, name in {0: "batch", 2: "y", 3: "x"}.items() if axis < value.dim()}


def _text(values: Tensor) -> str:
    return base64.b64encode(values.detach().contiguous().numpy().astype("<f4").tobytes()).decode()
