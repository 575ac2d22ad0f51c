"""CSV files that grow with a run, and hold nothing twice when it goes on."""

import csv
from collections.abc import Sequence
from pathlib import Path

from stormcell.atomic import replacing

__all__ = ["keep_rows"]


def keep_rows(path: Path, columns: Sequence[str], step: int) -> None:
    """Begin a file with its head, or keep of one that is there the whole rows up to this step: later ones are made anew.

    Args:
        path: of the file.
        columns: its head; the first is the step.
        step: from which the run goes on, 0 for a new one.
    """
    kept: list[list[str]] = []
    if path.exists():
        with path.open(newline="") as file:
            kept = [row for row in csv.reader(file) if len(row) == len(columns) and row[0].isdecimal() and int(row[0]) <= step]
    with replacing(path) as beside, beside.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *kept])
