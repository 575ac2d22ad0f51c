"""A network's two steps as files that other programs run."""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from stormcell.networks.checkpoint_folder import replacing_folder
from stormcell.runtimes.runtime import needed
from stormcell.runtimes.steps import Steps

__all__ = ["ABOUT", "FORMATS", "STEPS", "convert_steps", "export_steps", "file_of", "names_of", "quiet"]

STEPS = ("encoder", "forecaster")
ABOUT = "steps.json"
_OPSET = 20  # the first with GridSample as torch has it now
_LONGEST = 4096  # of a side in the coarsest grid's pixels, and of a batch; torch wants to be told


FORMATS = {"onnx": (".onnx",), "openvino": (".xml", ".bin"), "torch-export": (".pt2",)}
"""Format -> endings of the files that a step has in it, the one to load first."""


def file_of(folder: Path, step: str, form: str) -> Path:
    """Where a step lies in a folder of `export_steps`."""
    return folder / f"{step}{FORMATS[form][0]}"


def export_steps(steps: Steps, form: str, folder: Path, **about: Any) -> Path:
    """Write both steps and `steps.json`, which tells what goes in and comes out.

    Batch, y and x are free; y and x are multiples of `steps.multiple`. A folder that stood there is replaced as a whole.

    Args:
        steps: of `stormcell.runtimes.steps.steps_of`.
        form: "onnx" or "torch-export"; `convert_steps` makes others of ONNX.
        folder: where.
        about: what else is to be said in `steps.json`.

    Returns:
        The folder.

    Raises:
        MissingExtraError: what writes the format is not installed.
        WriteError: the folder cannot be written, or holds something else.
    """
    write = {"onnx": _write_onnx, "torch-export": _write_torch}[form]
    said: dict[str, Any] = {"format": form, "multiple": steps.multiple, "states": [asdict(state) for state in steps.states]}
    with replacing_folder(folder, names=_names(form)) as beside, quiet():
        for step in STEPS:
            names = names_of(steps, step)
            write(_program(steps, step), names, file_of(beside, step, form))
            said[step] = {"inputs": names[0], "outputs": names[1]}
        said |= {"reads": steps.reads, "guesses": steps.guesses, "writes": steps.writes, **about}
        (beside / ABOUT).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    return folder


def convert_steps(source: Path, form: str, folder: Path, *, change: Callable[[str, Path, Path], None] | None = None, **about: Any) -> Path:
    """Make of steps in ONNX others, in ONNX or OpenVINO.

    Args:
        source: a folder of `export_steps`, in ONNX.
        form: "onnx" or "openvino".
        folder: where; replaced as a whole.
        change: is given the name of each step, its file, and where to write what it makes of it; None leaves the steps as they are.
        about: what else is to be said in `steps.json`.

    Raises:
        MissingExtraError: openvino, which writes its format, is not installed.
        WriteError: the folder cannot be written, or holds something else.
    """
    said = json.loads((source / ABOUT).read_text(encoding="utf-8")) | {"format": form, **about}
    with replacing_folder(folder, names=_names(form)) as beside, tempfile.TemporaryDirectory() as scratch, quiet():
        for step in STEPS:
            changed = file_of(source, step, "onnx")
            if change is not None:
                changed = Path(scratch) / changed.name
                change(step, file_of(source, step, "onnx"), changed)
            if form == "onnx":
                shutil.copyfile(changed, file_of(beside, step, form))
            else:
                openvino = needed("openvino", extra="openvino", purpose="export to OpenVINO")
                openvino.save_model(openvino.Core().read_model(changed), file_of(beside, step, form), compress_to_fp16=False)
        (beside / ABOUT).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    return folder


def _names(form: str) -> list[str]:
    """Of all files in a folder."""
    return [ABOUT, *(f"{step}{end}" for step in STEPS for end in FORMATS[form])]


def _write_torch(program: ExportedProgram, names: tuple[list[str], list[str]], path: Path) -> None:
    torch.export.save(program, path)


def _write_onnx(program: ExportedProgram, names: tuple[list[str], list[str]], path: Path) -> None:
    for package in ("onnx", "onnxscript"):
        needed(package, extra="onnx", purpose="export to ONNX")
    graph = torch.onnx.export(
        program, input_names=names[0], output_names=names[1], opset_version=_OPSET, dynamo=True, verbose=False, external_data=False
    )
    assert graph is not None  # with dynamo=True and no file
    graph.save(path)


def names_of(steps: Steps, step: str) -> tuple[list[str], list[str]]:
    """Of inputs and outputs."""
    count = range(len(steps.states))
    states, after = [f"state_{index}" for index in count], [f"next_state_{index}" for index in count]
    if step == "encoder":
        return ["seen", *states], after
    return (["guess"] if steps.guesses else []) + states, ["made", *after]


def _program(steps: Steps, step: str) -> ExportedProgram:
    module: nn.Module = getattr(steps, step)
    first = steps.reads if step == "encoder" else steps.guesses
    rows, columns = 4 * steps.multiple, 5 * steps.multiple
    batch, high, wide = Dim("batch", min=1, max=_LONGEST), Dim("high", min=2, max=_LONGEST), Dim("wide", min=2, max=_LONGEST)

    def example(channels: int, stride: int) -> tuple[Tensor, dict[int, Any]]:
        many = steps.multiple // stride
        free = {0: batch, 2: high if many == 1 else many * high, 3: wide if many == 1 else many * wide}
        return torch.zeros(2, channels, rows // stride, columns // stride), free

    fields = [example(first, 1)] if first else []
    states = [example(state.channels, state.stride) for state in steps.states]
    free: dict[str, Any] = {"states": tuple(size for _, size in states)}
    if first:
        free["seen" if step == "encoder" else "guess"] = fields[0][1]
    return torch.export.export(module.eval(), tuple(tensor for tensor, _ in (*fields, *states)), dynamic_shapes=free)


@contextmanager
def quiet() -> Iterator[None]:
    """The exporters speak of their own insides: of torchvision, which nothing here needs, and of what they do not simplify."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
