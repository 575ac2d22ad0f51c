"""`--trace`: one line per stop on the way from file to forecast, so that a reader sees the data change before reading why."""

import inspect
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

__all__ = ["Trace"]

Result = TypeVar("Result")


class Trace:
    """Calls functions and, if switched on, prints where each lives, what came out and how long it took.

    Args:
        on: print, or just call.
    """

    def __init__(self, on: bool) -> None:
        self.on = on
        if on:
            print(f"{'stop':<46} {'dims':<36} {'unit':<9} {'min':>8} {'max':>8} {'NaN':>6} {'ms':>8}")

    def __call__(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Call the function, print the stop, hand on its result."""
        start = time.perf_counter()
        result = function(*args, **kwargs)
        if self.on:
            print(f"{place_of(function):<46} {_describe(result)} {(time.perf_counter() - start) * 1e3:>8.1f}", flush=True)
        return result

    def around(self, function: Callable[..., Result]) -> Callable[..., Result]:
        """The same function, traced whenever it is called."""
        return lambda *args, **kwargs: self(function, *args, **kwargs)


def place_of(function: Callable[..., Any]) -> str:
    """`file:function` of a function, or of an object's `__call__`; the file as seen from the package's root."""
    while isinstance(function, partial):
        function = function.func
    target = function if inspect.isroutine(function) else type(function)
    import stormcell

    root = Path(stormcell.__file__).parent
    file = Path(inspect.getfile(inspect.unwrap(target))).resolve()
    name = file.relative_to(root) if file.is_relative_to(root) else file.name
    return f"{name}:{target.__qualname__}"


def _describe(result: object) -> str:
    if isinstance(result, list):
        return f"{len(result)} files".ljust(36 + 1 + 9 + 1 + 8 + 1 + 8 + 1 + 6)
    values = getattr(result, "values", result)
    if not isinstance(values, np.ndarray):
        return " ".ljust(36 + 1 + 9 + 1 + 8 + 1 + 8 + 1 + 6)
    names = getattr(result, "dims", ("component", "y", "x")[-values.ndim :])
    dims = "(" + ", ".join(f"{name} {size}" for name, size in zip(names, values.shape, strict=True)) + ")"
    unit = getattr(result, "attrs", {}).get("units", "px/step")
    low, high = (float(np.nanmin(values)), float(np.nanmax(values))) if np.isfinite(values).any() else (np.nan, np.nan)
    return f"{dims:<36} {unit:<9} {low:>8.2f} {high:>8.2f} {np.isnan(values).mean():>6.1%}"
