"""Run experiments of the lab and keep what came out: figures, checks and pictures in a folder for each."""

import hashlib
import inspect
import json
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib import pyplot

import stormcell
from stormcell.atomic import replacing
from stormcell.errors import ReadError, StormcellError
from stormcell.lab import EXPERIMENTS
from stormcell.lab.drawing import style
from stormcell.lab.experiment import Check, Outcome

__all__ = ["RECORD", "Record", "experiment_named", "read_record", "run_experiment"]

RECORD = "record.json"
"""In the folder of each experiment: everything that its last run showed."""


@dataclass(frozen=True)
class Record:
    """What the last run of an experiment showed, as it is kept.

    Args:
        name: of the experiment.
        full: whether the long version ran.
        code: fingerprint of the experiment's source; another one means that the record is of older code.
        made_by: versions of what ran.
        seconds: it took; `processor_seconds` of all cores together.
        checks: as dictionaries, with whether each `holds`.
        figures: the numbers.
        pictures: file, message and description of each.
    """

    name: str
    full: bool
    code: str
    made_by: Mapping[str, str]
    seconds: float
    processor_seconds: float
    checks: list[dict[str, Any]]
    figures: Mapping[str, Any]
    pictures: list[dict[str, str]]

    @property
    def holds(self) -> bool:
        """Whether every number is what the claim needs."""
        return all(check["holds"] for check in self.checks)

    @property
    def is_current(self) -> bool:
        """Whether the experiment's source is still what ran."""
        return self.code == code_of(self.name)


def experiment_named(name: str) -> Any:
    """The experiment of this name.

    Raises:
        StormcellError: there is none.
    """
    if name not in EXPERIMENTS:
        raise StormcellError(f"{name}: expected an experiment of the lab ({', '.join(EXPERIMENTS)}); `stormcell lab list` tells of each")
    return EXPERIMENTS[name]


def code_of(name: str) -> str:
    """16 hexadecimal digits of the source of the experiment's file."""
    source = inspect.getsource(inspect.getmodule(experiment_named(name).run))  # type: ignore[arg-type]
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def run_experiment(name: str, folder: Path, *, full: bool = False) -> Record:
    """Run one experiment and write its pictures (SVG, and PNG to look at) and its record into `folder/name`.

    Raises:
        StormcellError: there is no such experiment.
        WriteError: the folder cannot be written.
    """
    experiment = experiment_named(name)
    start, used = time.perf_counter(), time.process_time()
    try:
        outcome: Outcome = experiment.run(full)
        seconds, processor_seconds = time.perf_counter() - start, time.process_time() - used
        pictures = []
        for picture in outcome.pictures:
            for suffix in ("svg", "png"):
                with style(), replacing(folder / name / f"{picture.name}.{suffix}") as beside:
                    picture.figure.savefig(beside, metadata={"Date": None} if suffix == "svg" else None, dpi=120)
            pictures.append({"file": f"{picture.name}.svg", "message": picture.message, "description": picture.description})
    finally:
        pyplot.close("all")
    record = Record(
        name=name,
        full=full,
        code=code_of(name),
        made_by={"stormcell": stormcell.__version__, "torch": torch.__version__, "python": sys.version.split()[0]},
        seconds=round(seconds, 1),
        processor_seconds=round(processor_seconds, 1),
        checks=[_check(check) for check in outcome.checks],
        figures=_plain(outcome.figures),
        pictures=pictures,
    )
    with replacing(folder / name / RECORD) as beside:
        beside.write_text(json.dumps(vars(record), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return record


def read_record(name: str, folder: Path) -> Record | None:
    """What the last run of an experiment left in `folder/name`; None if it left nothing.

    Raises:
        ReadError: there is something else.
    """
    path = folder / name / RECORD
    if not path.is_file():
        return None
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ReadError(f"{path}: expected the record of an experiment, got {error}; remove it and run the experiment again") from error
    return record


def _check(check: Check) -> dict[str, Any]:
    return {**_plain(vars(check)), "holds": check.holds}


def _plain(value: Any) -> Any:
    """As JSON takes it: no numbers of numpy or torch, and None for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, str | bool | int | None):
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return float(value) if math.isfinite(value) else None
