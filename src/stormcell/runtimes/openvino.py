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
    return _OpenVINOStep(path, "bf16" if precision == "bfloat16" else "f32")


class _OpenVINOStep:
    def __init__(self, path: Path, precision: str) -> None:
        self._path, self._precision = path, precision
        self._core = needed("openvino", extra="openvino", purpose="the runtime openvino").Core()
        self._compiled: OrderedDict[tuple[tuple[int, ...], ...], _Compiled] = OrderedDict()

    def __call__(self, *tensors: Floats, room: Floats | None = None) -> tuple[Floats, ...]:
        shapes = tuple(tensor.shape for tensor in tensors)
        if shapes not in self._compiled:
            if len(self._compiled) >= _SHAPES:
                self._compiled.popitem(last=False)
            self._compiled[shapes] = _Compiled(self._core, self._path, self._precision, shapes)
        self._compiled.move_to_end(shapes)
        return self._compiled[shapes](tensors, room)


class _Compiled:
    """For one shape. Two requests take turns, so that what one left can be read by the other."""

    def __init__(self, core: Any, path: Path, precision: str, shapes: tuple[tuple[int, ...], ...]) -> None:
        import cv2

        model = core.read_model(path)
        names = [port.any_name for port in model.inputs]
        model.reshape({name: list(shape) for name, shape in zip(names, shapes, strict=True)})
        options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": cv2.getNumThreads(), "NUM_STREAMS": 1}
        compiled = core.compile_model(model, "CPU", options)
        self._names, self._outputs = names, [port.any_name for port in model.outputs]
        requests = [compiled.create_infer_request() for _ in range(2)]
        self._requests = [(request, request.get_tensor(self._outputs[0])) for request in requests]  # and its own first output

    def __call__(self, tensors: tuple[Floats, ...], room: Floats | None) -> tuple[Floats, ...]:
        from openvino import Tensor

        request, own = self._requests[0]
        self._requests.reverse()
        whole = [np.ascontiguousarray(tensor) for tensor in tensors]  # to be kept until they are read
        for name, tensor in zip(self._names, whole, strict=True):
            request.set_tensor(name, Tensor(tensor, shared_memory=True))
        lent = room if room is not None and room.flags.c_contiguous else None
        request.set_tensor(self._outputs[0], own if lent is None else Tensor(lent, shared_memory=True))
        request.infer()
        first, *others = (request.get_tensor(name).data for name in self._outputs)
        return first if lent is None else lent, *others
