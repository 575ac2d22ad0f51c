"""What a runtime is: something that loads one step of a network from a file and runs it."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stormcell.errors import MethodError, MissingExtraError

__all__ = ["Floats", "Runtime", "Step", "needed"]

Floats = NDArray[np.float32]


class Step(Protocol):
    """One step of a network: fields and states in, fields and states out, all (batch, channel, y, x) of float32.

    What comes out may lie in memory of the step's own: it is good until the second call after this one. A step may put its first output
    into `room`, and gives that back then, which spares a copy; or it gives the output as it lies.
    """

    def __call__(self, *tensors: Floats, room: Floats | None = None) -> tuple[Floats, ...]: ...


@dataclass(frozen=True)
class Runtime:
    """A program that networks run in.

    Attributes:
        name: what users call it.
        package: the module that must be installed.
        extra: the extra of stormcell that brings it.
        format: of the files that it loads, a name in `stormcell.runtimes.export.FORMATS`; None where the network runs as it is.
        precisions: that it can work in, its own choice first.
        load: make a step from a file and a precision.
    """

    name: str
    package: str
    extra: str
    format: str | None
    precisions: tuple[str, ...]
    load: Callable[[Path, str], Step]

    def check(self, precision: str | None) -> str:
        """The precision to work in, once it is sure that the runtime is installed and has it.

        Raises:
            MissingExtraError: it is not installed.
            MethodError: it cannot work in this precision.
        """
        if self.format is not None and find_spec(self.package) is None:
            raise MissingExtraError(self.package, extra=self.extra, purpose=f"the runtime {self.name}")
        if precision is not None and precision not in self.precisions:
            raise MethodError(f"the runtime {self.name} works in the precision {' or '.join(self.precisions)}, not in {precision!r}")
        return precision or self.precisions[0]


def needed(package: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional package.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingExtraError(package, extra=extra, purpose=purpose) from error
