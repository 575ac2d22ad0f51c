"""Exported networks that are kept, so that a network is exported once and not for every forecast."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from filelock import FileLock
from torch import Tensor, nn

from stormcell.errors import MethodError, StormcellError, WriteError
from stormcell.networks.checkpoint_folder import standing_folder
from stormcell.networks.guided import Guided
from stormcell.progress import track
from stormcell.runtimes.export import ABOUT, STEPS, convert_steps, export_steps, file_of
from stormcell.runtimes.runtime import Runtime
from stormcell.runtimes.stepping import SteppedFrames, SteppedResidual
from stormcell.runtimes.steps import Steps, steps_of

__all__ = ["Call", "Forward", "cache_folder", "exported_forward", "exported_onnx", "stepped"]

_EXPORTER = 2  # counts up when what is written changes

Call = tuple[Tensor | int, ...]
"""What a network was called with."""

Forward = Callable[..., Tensor]
"""A network, or what stands for one."""


def cache_folder() -> Path:
    """Where exported networks are kept: `stormcell/exported` in the user's folder of caches. It may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stormcell" / "exported"


def exported_forward(
    network: nn.Module,
    fingerprint: str,
    runtime: Runtime,
    precision: str,
    calls: Callable[[], Sequence[Call]],
    *,
    shipped: Path | None = None,
) -> Forward:
    """What does a network's work in a runtime. Its files are written at the first time, which takes some ten seconds, or have come with it.

    Args:
        network: of frames, or guided, whose residual is then what is stood for.
        fingerprint: of its weights.
        runtime: which, and not torch.
        precision: one of the runtime's.
        calls: makes what int8 is to be calibrated with: calls that the network had.
        shipped: a folder of ours, which may have them in a folder onnx-PRECISION, a format that all of these runtimes read. What a
            stranger's folder holds is not for another program's parser.

    Raises:
        MissingExtraError: what exports the network, or runs it, is not installed.
        MethodError: the network cannot be taken apart.
        WriteError: the folder of caches cannot be written.
    """
    if runtime.format is None:
        raise MethodError(f"the runtime {runtime.name} needs no export")
    steps, form = steps_of(network), runtime.format
    if shipped is not None and _is_of(shipped / f"onnx-{precision}", fingerprint):
        return stepped(network, steps, replace(runtime, format="onnx"), precision, shipped / f"onnx-{precision}")
    folder = exported_onnx(network, steps, fingerprint)
    if precision == "int8":
        with _kept(f"{fingerprint}-{form}-int8") as (target, there):
            if not there:
                from stormcell.runtimes.quantised import quantise_static

                quantise_static(folder, form, target, network=network, steps=steps, calls=calls())
        folder = target
    elif form != "onnx":
        with _kept(f"{fingerprint}-{form}") as (target, there):
            if not there:
                convert_steps(folder, form, target)
        folder = target
    return stepped(network, steps, runtime, precision, standing_folder(folder))


def _is_of(folder: Path, fingerprint: str) -> bool:
    """Were the steps in this folder, if there are any, exported of these weights?"""
    about = folder / ABOUT
    return about.is_file() and json.loads(about.read_text(encoding="utf-8"))["fingerprint"] == fingerprint


def exported_onnx(network: nn.Module, steps: Steps, fingerprint: str) -> Path:
    """The folder with a network's steps in ONNX, of which other formats are made; it is kept.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
        WriteError: the folder of caches cannot be written.
    """
    with _kept(f"{fingerprint}-onnx") as (folder, there):
        if not there:
            for _ in track([None], "export to ONNX, once"):
                export_steps(steps, "onnx", folder, fingerprint=fingerprint)
    return standing_folder(folder)


@contextmanager
def _kept(name: str) -> Iterator[tuple[Path, bool]]:
    """A folder in the cache, for one process at a time, and whether it is there already."""
    folder = cache_folder() / f"{name}-{_EXPORTER}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            yield folder, (standing_folder(folder) / ABOUT).is_file()
    except StormcellError:  # some of them are OSErrors too
        raise
    except OSError as error:
        raise WriteError(
            f"{folder.parent}: exported networks cannot be kept there ({error.strerror or error}); set XDG_CACHE_HOME to another folder"
        ) from error


def stepped(network: nn.Module, steps: Steps, runtime: Runtime, precision: str, folder: Path) -> Forward:
    """What does a network's work with the two steps in a folder of `export_steps`."""
    assert runtime.format is not None  # it loads files
    encoder, forecaster = (runtime.load(file_of(folder, step, runtime.format), precision) for step in STEPS)
    if isinstance(network, Guided):
        assert network.residual is not None  # it was taken apart
        return SteppedResidual(steps, encoder, forecaster, network.residual)
    return SteppedFrames(steps, encoder, forecaster)
