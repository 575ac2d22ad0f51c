"""A step in OpenVINO."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from stormcell.runtimes.runtime import Floats, Step, needed

__all__ = ["load_openvino"]

_SHAPES = 4  # compiled at once: a program for one shape is a third faster than one for any


def load_openvino(path: Path, precision: str) -> Step:
    """A step from a file of OpenVINO, or of ONNX, in float32 or bfloat16; a file of int8 has its own.

    It is compiled anew for each shape that comes.

    Raises:
        MissingExtraError: openvino is not installed.
    """
    return _OpenVINOStep(path, "bf16" if precision == "bfloat16" else "f32", turned=precision == "int8")


class _OpenVINOStep:
    def __init__(self, path: Path, precision: str, *, turned: bool) -> None:
        self._path, self._precision, self._turned = path, precision, turned
        self._core = needed("openvino", extra="openvino", purpose="the runtime openvino").Core()
        self._compiled: OrderedDict[tuple[tuple[int, ...], ...], _Compiled] = OrderedDict()

    def __call__(self, *tensors: Floats, room: Floats | None = None) -> tuple[Floats, ...]:
        shapes = tuple(tensor.shape for tensor in tensors)
        if shapes not in self._compiled:
            if len(self._compiled) >= _SHAPES:
                self._compiled.popitem(last=False)
            self._compiled[shapes] = _Compiled(self._core, self._path, self._precision, shapes, turned=self._turned)
        self._compiled.move_to_end(shapes)
        return self._compiled[shapes](tensors, room)


class _Compiled:
    """For one shape. Two requests take turns, so that what one left can be read by the other.

    Convolutions of int8 have channels last in memory. States are handed on in that order too (`turned`), which spares turning them twice
    a step; to who holds them they are views (batch, channel, y, x).
    """

    def __init__(self, core: Any, path: Path, precision: str, shapes: tuple[tuple[int, ...], ...], *, turned: bool) -> None:
        import cv2

        model = core.read_model(path)
        names, outputs = ([port.any_name for port in ports] for ports in (model.inputs, model.outputs))
        model.reshape({name: list(shape) for name, shape in zip(names, shapes, strict=True)})
        self._turned = {name for name in (*names, *outputs) if turned and "state" in name}
        model = _turning(model, self._turned)
        options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": cv2.getNumThreads(), "NUM_STREAMS": 1}
        compiled = core.compile_model(model, "CPU", options)
        self._names, self._outputs = names, outputs
        requests = [compiled.create_infer_request() for _ in range(2)]
        self._requests = [(request, request.get_tensor(self._outputs[0])) for request in requests]  # and its own first output

    def __call__(self, tensors: tuple[Floats, ...], room: Floats | None) -> tuple[Floats, ...]:
        from openvino import Tensor

        request, own = self._requests[0]
        self._requests.reverse()
        whole = [self._as_held(name, tensor) for name, tensor in zip(self._names, tensors, strict=True)]  # to be kept until they are read
        for name, tensor in zip(self._names, whole, strict=True):
            request.set_tensor(name, Tensor(tensor, shared_memory=True))
        lent = room if room is not None and room.flags.c_contiguous and self._outputs[0] not in self._turned else None
        request.set_tensor(self._outputs[0], own if lent is None else Tensor(lent, shared_memory=True))
        request.infer()
        first, *others = (self._as_given(name, request.get_tensor(name).data) for name in self._outputs)
        return first if lent is None else lent, *others

    def _as_held(self, name: str, tensor: Floats) -> Floats:
        return np.ascontiguousarray(tensor.transpose(0, 2, 3, 1) if name in self._turned else tensor)

    def _as_given(self, name: str, tensor: Floats) -> Floats:
        return tensor.transpose(0, 3, 1, 2) if name in self._turned else tensor


def _turning(model: Any, names: set[str]) -> Any:
    """The same model with channels last in these inputs and outputs."""
    from openvino import Layout
    from openvino.preprocess import PrePostProcessor

    steps, inner, outer = PrePostProcessor(model), Layout("NCHW"), Layout("NHWC")
    for port, ends in ((steps.input, model.inputs), (steps.output, model.outputs)):
        for name in names.intersection(end.any_name for end in ends):
            port(name).model().set_layout(inner)
            port(name).tensor().set_layout(outer)
    return steps.build()
