"""`stormcell models export`: a trained network as files for other programs, checked against the original."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from stormcell.errors import MethodError
from stormcell.methods.guided import GuidedForecast
from stormcell.methods.in_runtime import calls_on, core_of, demo_pasts
from stormcell.methods.learned import Learned
from stormcell.methods.shipped import is_guided

if TYPE_CHECKING:
    from torch import Tensor, nn

    from stormcell.runtimes.exported import Call

__all__ = ["Difference", "export_model"]

_WET = 0.5  # rain rate [mm h-1]
_KINDS, _APART = 12, 5  # pasts to calibrate with, each the fifth in order of rain


class Difference(NamedTuple):
    """Between what an exported network gives and what the original gives on the demo storm.

    Attributes:
        largest: of all pixels and lead times.
        mean: over them.
        of: what the numbers are.
        span: from the least to the largest number of the original.
        runtime: in which the files ran.
    """

    largest: float
    mean: float
    of: str
    span: float
    runtime: str

    def __str__(self) -> str:
        """One line."""
        return (
            f"on the demo storm in {self.runtime}, {self.of}: largest difference {self.largest:.2g}, mean {self.mean:.2g}; "
            f"they span {self.span:.3g}"
        )


def export_model(
    model: str, form: str, folder: Path | None = None, *, int8: str | None = None, calibrate: Sequence[str] = ()
) -> tuple[Path, Difference]:
    """Export a model's network as two steps, and run them beside it.

    Args:
        model: the name of a model that ships, or the folder of a checkpoint.
        form: "onnx", "openvino" or "torch-export".
        folder: where; "MODEL-FORMAT" in the current folder if None. A folder of an earlier export is replaced.
        int8: "static" or "dynamic"; None for float32.
        calibrate: radar data for static int8 beside the demo storm, as `stormcell.read` takes it.

    Returns:
        The folder, and how far what was written is from the original.

    Raises:
        MethodError: no such model, format or kind of int8, or a network that cannot be taken apart.
        MissingExtraError: what exports the network, or runs it, is not installed.
        WriteError: the folder cannot be written.
    """
    from stormcell.runtimes.export import FORMATS, convert_steps, export_steps
    from stormcell.runtimes.exported import exported_onnx
    from stormcell.runtimes.quantised import quantise_dynamic, quantise_static
    from stormcell.runtimes.steps import steps_of

    if form not in FORMATS or int8 not in (None, "static", "dynamic"):
        raise MethodError(f"expected a format out of {', '.join(FORMATS)}, and int8 static or dynamic, got {form!r} and {int8!r}")
    if int8 and form == "torch-export":
        raise MethodError("int8 is for the formats onnx and openvino, not for 'torch-export'")
    method: Any = GuidedForecast(model, precision="float32") if is_guided(model) else Learned(model)
    trained = method._trained
    network, steps = trained.network, steps_of(trained.network)
    target = folder or Path(f"{method.name}-{form}{f'-int8-{int8}' if int8 else ''}")
    about = {"model": method.name, "fingerprint": trained.fingerprint}
    demo = _calls(method, demo_pasts(trained))
    if form == "torch-export":
        export_steps(steps, form, target, **about)
    elif int8 == "static":
        calls = demo + _calls(method, _windows(calibrate, method)) if calibrate else demo
        onnx = exported_onnx(network, steps, trained.fingerprint)
        quantise_static(onnx, form, target, network=network, steps=steps, calls=calls, **about)
    else:
        make = quantise_dynamic if int8 else convert_steps
        make(exported_onnx(network, steps, trained.fingerprint), form, target, **about)
    return target, _difference(network, demo[-1], form, target)


def _calls(method: Any, pasts: Sequence[xr.DataArray]) -> "list[Call]":
    return [call for past in pasts for call in calls_on(method, core_of(method._trained.network), past)]


def _windows(inputs: Sequence[str], method: Any) -> list[xr.DataArray]:
    """Pasts of a dozen kinds, from those with rain at the most places to ones with less of it."""
    from stormcell.data.read import read

    frames, length = read(list(inputs)), method.past_steps
    starts = range(0, max(frames.sizes["time"] - length, 0) + 1, length)
    pasts = [frames[start : start + length] for start in starts]
    whole = [past for past in pasts if np.isfinite(past.values).any(axis=(1, 2)).all()]
    wettest = sorted(whole, key=lambda past: float(np.mean(past.values >= _WET)), reverse=True)[: _KINDS * _APART]
    return wettest[:: max(len(wettest) // _KINDS, 1)][:_KINDS]


def _difference(network: "nn.Module", call: "Call", form: str, folder: Path) -> Difference:
    import torch

    from stormcell.networks.guided import Guided
    from stormcell.runtimes import RUNTIMES
    from stormcell.runtimes.exported import stepped
    from stormcell.runtimes.steps import steps_of

    with torch.inference_mode():
        original: Tensor = core_of(network)(*call)
    runtime = next((one for one in RUNTIMES.values() if one.format == form), RUNTIMES["torch"])
    made = stepped(network, steps_of(network), replace(runtime, format=form), "float32", folder)(*call)
    off = (made - original).abs()
    of = "logits of exceedance" if isinstance(network, Guided) else "rain on the network's scale"
    return Difference(float(off.max()), float(off.mean()), of, float(original.max() - original.min()), runtime.name)
