"""Steps in int8: weights and activations of convolutions in 8 bits, the rest as it was."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from stormcell.errors import MethodError
from stormcell.networks.guided import Guided
from stormcell.runtimes.export import STEPS, convert_steps, names_of
from stormcell.runtimes.runtime import Floats, Step, needed
from stormcell.runtimes.stepping import SteppedFrames, SteppedResidual, eager
from stormcell.runtimes.steps import Steps

if TYPE_CHECKING:
    from stormcell.runtimes.exported import Call

__all__ = ["quantise_dynamic", "quantise_static"]

_PIXELS = 160  # longest side of what is calibrated with


def quantise_static(
    source: Path, form: str, folder: Path, *, network: nn.Module, steps: Steps, calls: Sequence["Call"], **about: Any
) -> Path:
    """Make of steps in ONNX steps in int8, with the ranges of activations found in calls that the network had.

    Weights have a scale for each channel that comes out, activations a scale and an offset for each tensor; those that a transposed
    convolution reads have no offset, as OpenVINO has no int8 for it otherwise.

    Args:
        source: a folder of `export_steps`, in ONNX.
        form: "onnx" or "openvino".
        folder: where; replaced as a whole.
        network: that was called; guided, its residual was.
        steps: of it.
        calls: what it was given, recorded in float32.
        about: what else is to be said in `steps.json`.

    Raises:
        MethodError: no calls.
        MissingExtraError: onnxruntime, which quantises, is not installed.
    """
    if not calls:
        raise MethodError("int8: expected forecasts to calibrate with; all of these were dry")
    quantization = needed("onnxruntime.quantization", extra="onnx", purpose="int8")
    onnx = needed("onnx", extra="onnx", purpose="int8")
    no_offset = [{"symmetric": True, "quant_type": quantization.QuantType.QInt8}]
    seen = _recorded(network, steps, calls)

    def quantise(step: str, before: Path, after: Path) -> None:
        transposed = [node for node in onnx.load(before).graph.node if node.op_type == "ConvTranspose"]
        quantization.quantize_static(
            before,
            after,
            _reader(quantization, names_of(steps, step)[0], seen[step]),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=["Conv", "ConvTranspose"],
            extra_options={"TensorQuantOverrides": {node.input[0]: no_offset for node in transposed}},
        )

    with _hushed():
        return convert_steps(source, form, folder, change=quantise, precision="int8, static", calibrated_on=len(seen["encoder"]), **about)


def quantise_dynamic(source: Path, form: str, folder: Path, **about: Any) -> Path:
    """Make of steps in ONNX steps with weights in int8, and activations whose ranges are looked up at each step.

    Args:
        source: a folder of `export_steps`, in ONNX.
        form: "onnx" or "openvino".
        folder: where; replaced as a whole.
        about: what else is to be said in `steps.json`.

    Raises:
        MissingExtraError: onnxruntime, which quantises, is not installed.
    """
    quantization = needed("onnxruntime.quantization", extra="onnx", purpose="int8")

    def quantise(step: str, before: Path, after: Path) -> None:
        quantization.quantize_dynamic(before, after, weight_type=quantization.QuantType.QInt8, op_types_to_quantize=["Conv", "MatMul"])

    with _hushed():
        return convert_steps(source, form, folder, change=quantise, precision="int8, dynamic", **about)


@contextmanager
def _hushed() -> Iterator[None]:
    """The quantiser writes advice to the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _recorded(network: nn.Module, steps: Steps, calls: Sequence["Call"]) -> dict[str, list[tuple[Floats, ...]]]:
    """What each step is given in these calls."""
    seen: dict[str, list[tuple[Floats, ...]]] = {step: [] for step in STEPS}

    def recording(step: str) -> Step:
        run = eager(getattr(steps, step))

        def recorded(*tensors: Floats, room: Floats | None = None) -> tuple[Floats, ...]:
            seen[step].append(tuple(tensor[..., : _PIXELS // s, : _PIXELS // s] for tensor, s in zip(tensors, strides[step], strict=True)))
            return run(*tensors)

        return recorded

    states = [state.stride for state in steps.states]
    strides = {"encoder": [1, *states], "forecaster": [1, *states] if steps.guesses else states}
    recorders = recording(STEPS[0]), recording(STEPS[1])
    for call in calls:
        if isinstance(network, Guided):
            assert network.residual is not None  # it was taken apart
            SteppedResidual(steps, *recorders, network.residual)(*call)  # type: ignore[arg-type]
        else:
            SteppedFrames(steps, *recorders)(*call)  # type: ignore[arg-type]
    return seen


def _reader(quantization: Any, names: list[str], given: list[tuple[Floats, ...]]) -> Any:
    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rest: Iterator[tuple[Floats, ...]] = iter(given)

        def get_next(self) -> dict[str, Floats] | None:
            tensors = next(self._rest, None)
            return None if tensors is None else dict(zip(names, tensors, strict=True))

    return Reader()
