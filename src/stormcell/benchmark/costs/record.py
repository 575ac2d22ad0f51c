"""What is kept of a measurement of costs, and how an earlier one is read back from a file."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from stormcell.errors import ReadError

__all__ = ["SCHEMA", "STAGES", "Cost", "Costs", "Samples", "read_costs"]

SCHEMA = 1
"""Of the JSON file that `stormcell benchmark nowcast -o` writes; counts up when what an entry means changes."""

STAGES = ("start-up", "first forecast", "read", "motion", "forecast", "write")
"""As they are printed; see `stormcell.benchmark.costs.stages` for what each is."""

_MAX_BYTES = 2**26
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Samples:
    """One quantity, once for each process that measured it.

    Attributes:
        wall: by the clock on the wall.
        processor: by the processor's time.
    """

    __pydantic_config__ = _STRICT

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def add(self, wall: float, processor: float) -> None:
        """One more."""
        self.wall.append(wall)
        self.processor.append(processor)

    def of(self, clock: str) -> list[float]:
        """Those by one clock, "wall" or "processor"."""
        return self.wall if clock == "wall" else self.processor


@dataclass(frozen=True)
class Cost:
    """What one method needs on one domain in one runtime.

    Attributes:
        method: its name.
        rows: of the domain [pixels].
        columns: of the domain [pixels].
        runtime: of its network, with a precision if it is not the runtime's own choice; "-" for methods without a network.
        seconds: by stage; only stages that it has, and that were reached.
        peak_mb: the most memory that each process held [MB].
        gflop: operations of its network in one forecast, in billions; None without a network, or if they could not be counted.
        field_gb: bytes of the fields that go in and come out, in billions.
        failure: why there are no more figures; None if there are all.
    """

    __pydantic_config__ = _STRICT

    method: str
    rows: int
    columns: int
    runtime: str
    seconds: dict[str, Samples] = field(default_factory=dict)
    peak_mb: list[float] = field(default_factory=list)
    gflop: float | None = None
    field_gb: float | None = None
    failure: str | None = None

    @property
    def key(self) -> tuple[str, int, int, str]:
        """What it is the cost of."""
        return self.method, self.rows, self.columns, self.runtime

    @property
    def says(self) -> str:
        """The same for a person."""
        return f"{self.method}, {self.rows} x {self.columns}" + ("" if self.runtime == "-" else f", {self.runtime}")

    def median(self, stage: str, clock: str = "wall") -> float | None:
        """Seconds of a stage; None if it has none."""
        return median(self.seconds[stage].of(clock)) if stage in self.seconds else None


@dataclass(frozen=True)
class Costs:
    """A whole measurement.

    Attributes:
        lead_times: of each forecast, five minutes apart.
        threads: of torch.
        matrix_product: rate of a product of float32 matrices [10^9 operations a second].
        memory_copy: bytes read and written a second by a copy [10^9].
        costs: of all combinations.
    """

    __pydantic_config__ = _STRICT

    lead_times: int
    threads: int
    matrix_product: Samples
    memory_copy: Samples
    costs: list[Cost]

    def plain(self) -> dict[str, Any]:
        """As values for JSON."""
        return asdict(self)


_ADAPTER = TypeAdapter(Costs)


def read_costs(path: Path) -> tuple[Costs, dict[str, Any]]:
    """Read the costs in a file of `stormcell benchmark nowcast -o FILE`, and who measured them.

    Args:
        path: the file; taken for a stranger's.

    Returns:
        The costs; and `machine` and `versions`, words by name.

    Raises:
        ReadError: it is not there, too large, broken, without costs, or of another schema.
    """
    again = "measure the other version with 'stormcell benchmark nowcast --parts costs -o FILE'"
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ReadError(f"{path}: is larger than {_MAX_BYTES // 2**20} MiB, which no figures of a benchmark are")
        said = json.loads(path.read_bytes())
    except ReadError:
        raise
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path}: is no JSON ({error}); {again}") from error
    if not isinstance(said, dict) or "schema" not in said:
        raise ReadError(f"{path}: has no schema number: too old, or no figures of 'stormcell benchmark nowcast'; {again}")
    if said["schema"] != SCHEMA:
        raise ReadError(f"{path}: is of schema {str(said['schema'])[:20]}, and this version compares schema {SCHEMA}; {again}")
    if "costs" not in said:
        raise ReadError(f"{path}: holds other parts of the benchmark and no costs; {again}")
    try:
        costs = _ADAPTER.validate_python(said["costs"])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in ("costs", *first["loc"]))
        raise ReadError(f"{path}: {where}: {first['msg']}; {again}") from error
    return _checked(costs, path), {name: _words(said.get(name)) for name in ("machine", "versions")}


def _checked(costs: Costs, path: Path) -> Costs:
    """Every number is above zero, and no list of them empty."""
    everything = [costs.matrix_product, costs.memory_copy, *(samples for cost in costs.costs for samples in cost.seconds.values())]
    lists = [some for samples in everything for some in (samples.wall, samples.processor)]
    if not all(some and min(some) >= 0 for some in lists) or not all(min(some) > 0 for some in lists[:4]):
        raise ReadError(f"{path}: costs: expected times of 0 or more and rates above 0, one at least of each")
    if len({cost.key for cost in costs.costs}) < len(costs.costs):
        raise ReadError(f"{path}: costs: the same method, domain and runtime stands there twice")
    return costs


def _words(said: object) -> dict[str, str]:
    return {str(key)[:40]: str(value)[:100] for key, value in list(said.items())[:40]} if isinstance(said, dict) else {}
