"""A step in ONNX Runtime."""

from pathlib import Path

from stormcell.runtimes.runtime import Floats, Step, needed

__all__ = ["load_onnxruntime"]


def load_onnxruntime(path: Path, precision: str) -> Step:
    """A step from a file of ONNX; its precision is the file's.

    Raises:
        MissingExtraError: onnxruntime is not installed.
    """
    ort = needed("onnxruntime", extra="onnx", purpose="the runtime onnxruntime")
    import cv2

    options = ort.SessionOptions()
    options.intra_op_num_threads = cv2.getNumThreads()  # what this process is allowed, workers one
    options.log_severity_level = 3
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def step(*tensors: Floats, room: Floats | None = None) -> tuple[Floats, ...]:
        return tuple(session.run(None, dict(zip(names, tensors, strict=True))))

    return step
