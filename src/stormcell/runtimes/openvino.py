"""A step in OpenVINO."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from stormcell.runtimes.runtime import Floats, Step, needed

__all__ = ["load_openvino"]

_SHAPES = 4  # compiled at once: a program for one shape is a third faster than one for any
_ACROSS, _BACK = (0, 2, 3, 1), (0, 3, 1, 2)  # (batch, channel, y, x) to channels side by side in memory, and back


def load_openvino(path: Path, precision: str) -> Step:
    """A step from a file of OpenVINO, or of ONNX, in float32 or bfloat16; a file of int8 has its own.

    It is compiled anew for each shape that comes. States stay as OpenVINO's convolutions have them, with channels side by side.

    Raises:
        MissingExtraError: openvino is not installed.
    """
    return _OpenVINOStep(path, "bf16" if precision == "bfloat16" else "f32")


class _OpenVINOStep:
    def __init__(self, path: Path, precision: str) -> None:
        self._path, self._precision = path, precision
        self._core = needed("openvino", extra="openvino", purpose="the runtime openvino").Core()
        self._compiled: OrderedDict[tuple[tuple[int, ...], ...], _Compiled] = OrderedDict()

    def __call__(self, *tensors: Floats) -> tuple[Floats, ...]:
        shapes = tuple(tensor.shape for tensor in tensors)
        if shapes not in self._compiled:
            if len(self._compiled) >= _SHAPES:
                self._compiled.popitem(last=False)
            self._compiled[shapes] = _Compiled(self._core, self._path, self._precision, shapes)
        self._compiled.move_to_end(shapes)
        return self._compiled[shapes](tensors)


class _Compiled:
    """For one shape. Two requests take turns, so that what one left can be read by the other."""

    def __init__(self, core: Any, path: Path, precision: str, shapes: tuple[tuple[int, ...], ...]) -> None:
        import cv2
        from openvino import Layout
        from openvino.preprocess import PrePostProcessor

        model = core.read_model(path)
        names = [port.any_name for port in model.inputs]
        model.reshape({name: list(shape) for name, shape in zip(names, shapes, strict=True)})
        ports = PrePostProcessor(model)
        for end in (*(ports.input(port.any_name) for port in model.inputs), *(ports.output(port.any_name) for port in model.outputs)):
            end.tensor().set_layout(Layout("NHWC"))
            end.model().set_layout(Layout("NCHW"))
        options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": cv2.getNumThreads(), "NUM_STREAMS": 1}
        compiled = core.compile_model(ports.build(), "CPU", options)
        self._names, self._outputs = names, [port.any_name for port in model.outputs]
        self._requests = [compiled.create_infer_request() for _ in range(2)]

    def __call__(self, tensors: tuple[Floats, ...]) -> tuple[Floats, ...]:
        from openvino import Tensor

        request = self._requests[0]
        self._requests.reverse()
        across = [np.ascontiguousarray(tensor.transpose(_ACROSS)) for tensor in tensors]  # to be kept until they are read
        for name, tensor in zip(self._names, across, strict=True):
            request.set_tensor(name, Tensor(tensor, shared_memory=True))
        request.infer()
        return tuple(request.get_tensor(name).data.transpose(_BACK) for name in self._outputs)
