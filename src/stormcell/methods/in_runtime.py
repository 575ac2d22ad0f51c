"""Methods with a network, in another runtime than torch; and what their networks are called with on the demo storm."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import xarray as xr

from stormcell.errors import MethodError, MissingExtraError
from stormcell.methods.method import Method
from stormcell.methods.shipped import is_guided
from stormcell.methods.trained_model import TrainedModel
from stormcell.runtimes import runtime_named
from stormcell.timeline import minutes

if TYPE_CHECKING:
    from torch import nn

    from stormcell.runtimes.exported import Call, Forward

__all__ = ["FASTEST", "calls_on", "core_of", "demo_pasts", "forward_in", "has_network", "in_fastest", "in_runtime"]

_Method = TypeVar("_Method")

FASTEST = "openvino:int8"
"""Of the runtimes and precisions that lose less than 0.002 of the critical success index."""

_SIDE = 160  # of the demo storm, in the model's pixels


def has_network(method: object) -> bool:
    """Whether a runtime can be chosen for it, or for what it wraps."""
    names = _names(method)
    return "runtime" in names or ("method" in names and has_network(cast(Any, method).method))


def in_runtime(method: _Method, runtime: str) -> _Method:
    """The same method, its network in a runtime.

    Args:
        method: `Learned`, `GuidedForecast`, or one that wraps such a method.
        runtime: a name in `stormcell.runtimes.RUNTIMES`, and maybe a precision: "openvino", "openvino:int8". The runtime chooses, if none
            is given; torch leaves the method's own.

    Raises:
        MethodError: no such runtime or precision, or a method without a network.
        MissingExtraError: the runtime is not installed.
    """
    name, _, precision = runtime.partition(":")
    worked_in = runtime_named(name).check(precision or None)
    if not has_network(method):
        raise MethodError(f"--runtime {runtime}: this method has no network whose runtime could be chosen; leave the runtime out")
    if "runtime" not in _names(method):
        wrapped: _Method = replace(cast(Any, method), method=in_runtime(cast(Any, method).method, runtime))
        return wrapped
    chosen = {"precision": worked_in} if precision or name != "torch" else {}
    changed: _Method = replace(cast(Any, method), runtime=name, **chosen)
    return changed


def in_fastest(method: Method) -> Method:
    """The same method in the fastest runtime that costs it next to no skill, where that is installed; else as it is.

    That is OpenVINO in numbers of 8 bits, for a guided model that ships: for it the loss of skill is measured
    (docs/benchmarks/runtimes.md), and its files come with it. It pays where a process forecasts again and again; a single forecast is
    ready sooner without another program to be loaded.
    """
    trained = getattr(method, "_trained", None)
    if not isinstance(trained, TrainedModel) or not (trained.ships and is_guided(trained.model)):
        return method
    try:
        return in_runtime(method, FASTEST)
    except MissingExtraError:
        return method


def forward_in(method: Any, trained: TrainedModel) -> "Forward":
    """What does the work of a method's network: the network itself in torch; guided, its residual.

    Args:
        method: whose `runtime` and `precision` count.
        trained: its model.

    Raises:
        MissingExtraError: the runtime is not installed.
        MethodError: the network cannot be exported.
    """
    network = trained.network
    if method.runtime == "torch":
        return cast("Forward", core_of(network))
    from stormcell.runtimes.exported import exported_forward

    def calls() -> "list[Call]":
        plain = replace(method, runtime="torch", precision="float32")
        return [call for past in demo_pasts(trained) for call in calls_on(plain, core_of(plain._trained.network), past)]

    shipped = trained.folder if trained.ships else None
    return exported_forward(network, trained.fingerprint, runtime_named(method.runtime), method.precision, calls, shipped=shipped)


def core_of(network: "nn.Module") -> "nn.Module":
    """The recurrent network: of a guided one its residual."""
    from stormcell.networks.guided import Guided

    if not isinstance(network, Guided):
        return network
    if network.residual is None:
        raise MethodError("this guided network is its anchor alone: there is nothing to export")
    return network.residual


def demo_pasts(trained: TrainedModel, count: int = 3) -> list[xr.DataArray]:
    """Storms of our own making, of a side that a model sees whole."""
    from stormcell.data.synthetic import synthetic_storm  # slow to import

    side = round(_SIDE * trained.config.pixel_km)
    steps, every = trained.config.past_steps, trained.config.step_minutes
    return [synthetic_storm(steps + 4 * seed, shape=(side, side), minutes=every, seed=seed)[-steps:] for seed in range(count)]


def calls_on(method: Method, network: "nn.Module", past: xr.DataArray) -> "Sequence[Call]":
    """What a network was called with while a method that has it made a forecast as far as it was trained for."""
    calls: list[Call] = []
    handle = network.register_forward_pre_hook(lambda _, arguments: calls.append(arguments))
    config = cast(Any, method)._trained.config
    step = config.step_minutes
    try:
        method(past, np.asarray(minutes(step, step * config.future_steps, step=step)))
    finally:
        handle.remove()
    return calls


def _names(method: object) -> set[str]:
    return {item.name for item in fields(method)} if is_dataclass(method) and not isinstance(method, type) else set()
