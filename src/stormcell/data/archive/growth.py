"""How an archive grows without ever being broken, whatever becomes of the one who writes.

The system replaces a file as a whole or not at all, but an archive is many files. So scans are written in this order: their shard, their
statistics, their marks, and where the time axis grows, at last the shapes of all arrays, which stand together in the root document.
Readers take the shapes from there alone. Who is killed before leaves nothing that counts, and the next writer clears it away.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from stormcell.atomic import replacing
from stormcell.data.archive.layout import MISSING, RAIN

__all__ = ["commit", "grow", "lengths", "mend", "read_root"]

_DOCUMENT = "zarr.json"

Lengths = dict[str, int]
"""Of the arrays that grow."""


def read_root(path: Path) -> dict[str, Any]:
    """The root document: attributes, and the metadata of all arrays that count."""
    document: dict[str, Any] = json.loads((path / _DOCUMENT).read_text())
    return document


def lengths(document: Mapping[str, Any]) -> Lengths:
    """How long each growing array is, by the root document."""
    arrays = document["consolidated_metadata"]["metadata"]
    growing = {name: array for name, array in arrays.items() if (array.get("dimension_names") or [None])[0] in ("time", MISSING)}
    return {name: int(array["shape"][0]) for name, array in growing.items()}


def grow(path: Path, to: Lengths) -> None:
    """Make arrays this long in their own documents only: nobody sees it before `commit`. The frames come first, so that `mend` can tell."""
    for name in sorted(to, key=lambda name: name != RAIN):
        document = json.loads((path / name / _DOCUMENT).read_text())
        document["shape"][0] = to[name]
        _replace(path / name / _DOCUMENT, document)


def commit(path: Path, to: Lengths, attrs: Mapping[str, Any] | None = None) -> None:
    """Make these lengths and attributes what the archive holds."""
    document = read_root(path)
    for name, length in to.items():
        document["consolidated_metadata"]["metadata"][name]["shape"][0] = length
    document["attributes"].update(attrs or {})
    _replace(path / _DOCUMENT, document)


def mend(path: Path) -> None:
    """Clear away what a killed writer left: half-written files, and whatever lies beyond the lengths that count."""
    for left in [*path.glob(".*.json"), *path.glob("*.partial"), *path.glob("*/.*.json"), *path.glob("*/*.partial")]:
        left.unlink(missing_ok=True)
    document = read_root(path)
    right = lengths(document)
    if all(json.loads((path / name / _DOCUMENT).read_text())["shape"][0] == length for name, length in right.items()):
        return
    rows = right[RAIN]
    shard = int(document["consolidated_metadata"]["metadata"][RAIN]["chunk_grid"]["configuration"]["chunk_shape"][0])
    whole = math.ceil(rows / shard)
    for file in (path / RAIN).glob("c.*"):
        if int(file.name.split(".")[1]) >= whole:
            file.unlink()
    if rows % shard:  # frames that lie in the last shard and do not count
        grow(path, {RAIN: whole * shard})
        zarr.open_array(path / RAIN, mode="r+")[rows : whole * shard] = np.nan
    grow(path, right)


def _replace(path: Path, document: Mapping[str, Any]) -> None:
    with replacing(path) as beside:
        beside.write_text(json.dumps(document))
