"""Networks outside of PyTorch: exported step by step, and run in other runtimes.

`steps` takes a network apart, `export` writes its steps as files of other formats, `quantised` makes their numbers small, `exported` keeps
such files, `stepping` runs a forecast with them. To add a runtime, write a module with a function that loads a step, and list it here.
"""

from stormcell.errors import MethodError
from stormcell.runtimes.onnxruntime import load_onnxruntime
from stormcell.runtimes.openvino import load_openvino
from stormcell.runtimes.runtime import Runtime
from stormcell.runtimes.torch import load_torch

__all__ = ["RUNTIMES", "Runtime", "runtime_named"]


RUNTIMES: dict[str, Runtime] = {
    "torch": Runtime("torch", "torch", "all", None, ("float32", "bfloat16"), load_torch),
    "onnxruntime": Runtime("onnxruntime", "onnxruntime", "onnx", "onnx", ("float32", "int8"), load_onnxruntime),
    "openvino": Runtime("openvino", "openvino", "openvino", "openvino", ("float32", "bfloat16", "int8"), load_openvino),
}


def runtime_named(name: str) -> Runtime:
    """A runtime by its name in `RUNTIMES`.

    Raises:
        MethodError: there is none of this name.
    """
    if name not in RUNTIMES:
        raise MethodError(f"unknown runtime {name!r}: expected one of {', '.join(RUNTIMES)}")
    return RUNTIMES[name]
