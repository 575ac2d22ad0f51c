"""Which methods, domains and runtimes are measured: all that are there, or what a person names."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from stormcell.errors import StormcellError
from stormcell.methods import METHODS, method_named
from stormcell.methods.in_runtime import has_network
from stormcell.runtimes import RUNTIMES, runtime_named

__all__ = ["Choice", "Combination", "chosen"]

SIZES = "256x256,640x710,1536x1536"
COMPARED = "pysteps-extrapolation"
_LEAST, _MOST = 32, 2**27  # pixels of a side, of a domain


@dataclass(frozen=True)
class Combination:
    """One of them.

    Attributes:
        method: its name, or the folder of a checkpoint.
        shape: (rows, columns) of the domain.
        runtime: of the network; "-" if there is none.
    """

    method: str
    shape: tuple[int, int]
    runtime: str


@dataclass(frozen=True)
class Choice:
    """All of them.

    Attributes:
        runtimes: method -> runtimes of its network, or "-" alone.
        shapes: (rows, columns) of each domain.
        options: of the command line, as they were given.
    """

    runtimes: dict[str, list[str]]
    shapes: list[tuple[int, int]]
    options: str = ""

    def combinations(self) -> Iterator[Combination]:
        """Small domains first."""
        for shape in sorted(self.shapes, key=lambda sides: sides[0] * sides[1]):
            for method, runtimes in self.runtimes.items():
                for runtime in runtimes:
                    yield Combination(method, shape, runtime)


def chosen(methods: str = "", sizes: str = "", runtimes: str = "") -> Choice:
    """What to measure.

    Args:
        methods: names with commas between; all of stormcell's own and pysteps' extrapolation, if it is installed, if left out.
        sizes: domains as rows x columns, "256x256,1536x1536"; `SIZES` if left out.
        runtimes: names with commas between, a precision may follow one, "torch,openvino:int8"; all that are installed if left out. It is
            for methods with a network alone.

    Raises:
        StormcellError: a size is none.
        MethodError: there is no such method or runtime.
        MissingExtraError: the runtime is not installed.
    """
    wanted = _words(runtimes) or _installed()
    for runtime in wanted:
        name, _, precision = runtime.partition(":")
        runtime_named(name).check(precision or None)
    given = {"--methods": methods, "--sizes": sizes, "--runtimes": runtimes}
    return Choice(
        {name: wanted if has_network(method_named(name)) else ["-"] for name in _words(methods) or _own()},
        list(dict.fromkeys(_shape(words) for words in _words(sizes or SIZES))),
        "".join(f" {option} {','.join(_words(value))}" for option, value in given.items() if value),
    )


def _own() -> list[str]:
    """Of `METHODS`, without those of pysteps that are compared elsewhere."""
    there = find_spec("pysteps") is not None
    return [name for name in METHODS if not name.startswith("pysteps") or (there and name == COMPARED)]


def _installed() -> list[str]:
    """Each runtime at its own precision, and in int8 where it has that."""
    exporting, quantising = find_spec("onnxscript") is not None, find_spec("onnxruntime") is not None
    found = [name for name, runtime in RUNTIMES.items() if runtime.format is None or (exporting and find_spec(runtime.package))]
    return [*found, *(["openvino:int8"] if "openvino" in found and quantising else [])]


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _shape(words: str) -> tuple[int, int]:
    rows, _, columns = words.lower().partition("x")
    sides = [int(side) if side.isascii() and side.strip().isdigit() else 0 for side in (rows, columns)]
    if min(sides) < _LEAST or sides[0] * sides[1] > _MOST:
        raise StormcellError(
            f"--sizes {words}: expected rows x columns, such as 640x710, of {_LEAST} pixels or more a side and {_MOST:,} in all at most"
        )
    return sides[0], sides[1]
