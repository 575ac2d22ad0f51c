"""Forecasting methods under one protocol, `stormcell.methods.method.Method`.

To add one, write a module with a callable that satisfies the protocol and list how to build it in `METHODS`, or publish such a
builder from another package under the entry point group ``stormcell.methods``. A trained network needs neither: its folder is its name, and
the folders that ship with the package are listed by theirs.
"""

from collections.abc import Callable
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

from stormcell.errors import MethodError
from stormcell.methods.adapted import Adapted, is_adapted
from stormcell.methods.advection import Advection
from stormcell.methods.cascade import LagrangianProbability, Sprog, Steps
from stormcell.methods.guided import GuidedForecast
from stormcell.methods.guided.fields import PRODUCTS
from stormcell.methods.learned import Learned
from stormcell.methods.method import Method
from stormcell.methods.persistence import Persistence
from stormcell.methods.pysteps import PystepsAnvil, PystepsExtrapolation, PystepsLinda, PystepsSprog, PystepsSteps
from stormcell.methods.shipped import is_guided, shipped_models
from stormcell.motion import ArctanTransform, LinearTransform, rover

__all__ = [
    "METHODS",
    "Adapted",
    "Advection",
    "GuidedForecast",
    "LagrangianProbability",
    "Learned",
    "Method",
    "Persistence",
    "PystepsAnvil",
    "PystepsExtrapolation",
    "PystepsLinda",
    "PystepsSprog",
    "PystepsSteps",
    "Sprog",
    "Steps",
    "method_named",
]


def _trained(model: str) -> Method:
    if is_adapted(model):
        return Adapted(model)
    return GuidedForecast(model) if is_guided(model) else Learned(model)


def _product_of(model: str, product: str) -> Method:
    if product not in PRODUCTS or is_adapted(model) or not is_guided(model):
        raise MethodError(
            f"{model}:{product}: what stands after the colon is a field that a guided model gives, one of {', '.join(PRODUCTS)}; "
            "other methods give one field alone"
        )
    return GuidedForecast(model, product=product)


METHODS: dict[str, Callable[[], Method]] = {
    "persistence": Persistence,
    "advection": Advection,
    "rover": lambda: Advection(estimate=rover, transform=ArctanTransform(), name="rover"),
    "rover-linear": lambda: Advection(estimate=partial(rover, transform="linear"), transform=LinearTransform(), name="rover-linear"),
    "sprog": Sprog,
    "steps": Steps,
    "lagrangian-probability": LagrangianProbability,
    "pysteps-extrapolation": PystepsExtrapolation,
    "pysteps-sprog": PystepsSprog,
    "pysteps-anvil": PystepsAnvil,
    "pysteps-linda": PystepsLinda,
    "pysteps-steps": PystepsSteps,
    **{name: partial(_trained, name) for name in shipped_models()},
}


def method_named(name: str) -> Method:
    """Build a method by its name in `METHODS`, by a name that another package publishes, or by the folder of a checkpoint.

    Which field a guided model gives may follow its name or folder after a colon: "guided:mean".

    Raises:
        MethodError: there is no such method.
    """
    if name in METHODS:
        return METHODS[name]()
    published = {point.name: point for point in entry_points(group="stormcell.methods")}
    if name in published:
        method: Method = published[name].load()()
        return method
    if Path(name).is_dir():
        return _trained(name)
    model, colon, product = name.rpartition(":")
    if colon and (model in METHODS or Path(model).is_dir()):
        return _product_of(model, product)
    raise MethodError(f"unknown method {name!r}: expected one of {', '.join([*METHODS, *published])}, or the folder of a checkpoint")
