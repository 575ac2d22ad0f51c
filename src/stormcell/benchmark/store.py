"""What a hindcast leaves on disk: the sums of every case, in Zarr, written so that a run can be killed at any moment and go on later.

    REPORT_DIR/sums.zarr            settings of the run, as attributes
    └── EVENT
        ├── cases                   (case, ...) status, message, members, facts, valid_pixels
        └── SCORE                   sums (case, method, lead_time, ..., statistic) and the coordinates of their dimensions

Every group opens with `xarray.open_zarr(path, group="EVENT/SCORE", consolidated=False)`. A case is one chunk of each array. Its status
is written last: a case that was only half written counts as not begun, and is written again.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray

from stormcell.benchmark.cases import Event
from stormcell.benchmark.scoring import FACTS, CaseSums
from stormcell.errors import ReadError, StormcellError, WriteError

__all__ = ["Status", "Store", "statuses"]

FOLDER = "sums.zarr"
_UNFINISHED = ".unfinished-"  # a folder that is being made or removed; one that a killed run left is cleared away by the next

Arrays = dict[str, "zarr.Array[Any]"]


class Status(IntEnum):
    """Of a method on a case."""

    PENDING = 0
    DONE = 1
    FAILED = 2


class Store:
    """The one writer of a hindcast's results.

    Args:
        folder: where the results go.
        settings: what decides over the numbers, as plain JSON values; `differences` compares them.
        events: what the cases are.
        methods: names, in the order of the axis `method`.

    Raises:
        WriteError: the folder cannot be written.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], events: Sequence[Event], methods: Sequence[str]) -> None:
        self.path = folder / FOLDER
        self._events = {event.name: event for event in events}
        self._methods = list(methods)
        self._cases: dict[str, Arrays] = {}
        self._sums: dict[tuple[str, str], tuple[zarr.Array[Any], xr.DataArray]] = {}
        for pattern in (f"{_UNFINISHED}*", f"{FOLDER}/*/{_UNFINISHED}*"):
            for left in folder.glob(pattern):
                shutil.rmtree(left)
        if not self.path.exists():
            with _made_at_once(self.path) as beside:
                zarr.open_group(beside, mode="w", zarr_format=3, attributes=dict(settings))
                for event in events:
                    self._make_cases(beside, event)

    @staticmethod
    def settings(folder: Path) -> dict[str, Any] | None:
        """The settings of the run whose results are in this folder; None if there are none.

        Raises:
            ReadError: they cannot be read.
        """
        root = folder / FOLDER / "zarr.json"
        if not root.exists():
            return None
        try:
            return dict(json.loads(root.read_text(encoding="utf-8"))["attributes"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReadError(f"{root}: is damaged, so this run cannot go on; choose another folder, or --fresh to begin anew") from error

    @staticmethod
    def remove(folder: Path) -> None:
        """Throw away the results in this folder, if there are any."""
        if (folder / FOLDER).exists():
            doomed = folder / f"{_UNFINISHED}{secrets.token_hex(4)}"
            os.replace(folder / FOLDER, doomed)  # at once: what is left of a removal that was killed is not taken for results
            shutil.rmtree(doomed)

    def pending(self, event: str) -> list[int]:
        """The cases that are still to do, in order."""
        todo = (statuses(self.path, event) == Status.PENDING).any(axis=1)
        return [int(number) for number in np.flatnonzero(todo)]

    def reopen_failed(self, event: str) -> None:
        """Make the cases on which a method failed count as not begun."""
        for number in np.flatnonzero((statuses(self.path, event) == Status.FAILED).any(axis=1)):
            self._open_cases(event)["status"][int(number)] = int(Status.PENDING)

    def write(self, case: CaseSums) -> None:
        """Keep a case; what it says is on disk in full, or not at all."""
        arrays = self._open_cases(case.event)
        for score, by_method in case.sums.items():
            if by_method:
                array, layout = self._open_sums(case.event, score, next(iter(by_method.values())))
                array[case.number] = np.stack([_fitted(by_method.get(name), layout, score) for name in self._methods])
        arrays["facts"][case.number] = [case.facts.get(name, np.nan) for name in FACTS]
        arrays["valid_pixels"][case.number] = case.valid_pixels
        arrays["members"][case.number] = [case.members.get(name, 0) for name in self._methods]
        arrays["message"][case.number] = np.array([case.failures.get(name, "") for name in self._methods], dtype=object)
        arrays["status"][case.number] = [Status.FAILED if name in case.failures else Status.DONE for name in self._methods]

    def _make_cases(self, path: Path, event: Event) -> None:
        case_coords = {
            "case": event.issue_times,
            "method": _storable(np.array(self._methods)),
            "lead_time": event.lead_times,
            "fact": _storable(np.array(FACTS)),
        }
        attrs = {"step_minutes": float(event.step / np.timedelta64(1, "m")), "incomplete": event.incomplete, **_grid_facts(event)}
        group = _make_group(path, f"{event.name}/cases", xr.Dataset(coords=case_coords, attrs=attrs))
        for name, dim, dtype, fill in (
            ("facts", "fact", "float64", np.nan),
            ("valid_pixels", "lead_time", "int64", 0),
            ("members", "method", "int32", 0),
            ("message", "method", "str", ""),
            ("status", "method", "uint8", int(Status.PENDING)),
        ):
            size = len(case_coords[dim])
            group.create_array(
                name,
                shape=(event.issues.size, size),
                chunks=(1, size),
                dtype=dtype,
                fill_value=fill,
                dimension_names=("case", dim),
                compressors=None,
            )

    def _open_cases(self, event: str) -> Arrays:
        if event not in self._cases:
            group = zarr.open_group(self.path, path=f"{event}/cases", mode="r+")
            self._cases[event] = {name: _array(group, name) for name in ("facts", "valid_pixels", "members", "message", "status")}
        return self._cases[event]

    def _open_sums(self, event: str, score: str, first: xr.DataArray) -> "tuple[zarr.Array[Any], xr.DataArray]":
        """The array of a score, and an empty case of one method in its layout; made when the first sums come."""
        if (event, score) not in self._sums:
            if not (self.path / event / score).exists():
                with _made_at_once(self.path / event / score) as beside:
                    self._make_sums(beside, self._events[event], first)
            group = zarr.open_group(self.path, path=f"{event}/{score}", mode="r+")
            with xr.open_zarr(self.path, group=f"{event}/{score}", chunks=None, consolidated=False, decode_timedelta=True) as dataset:
                layout = dataset["sums"].isel(case=0, method=0, drop=True).load()
            self._sums[event, score] = (_array(group, "sums"), layout)
        return self._sums[event, score]

    def _make_sums(self, path: Path, event: Event, first: xr.DataArray) -> None:
        coords = {str(dim): xr.Variable(dim, _storable(first[dim].values), first[dim].attrs) for dim in first.dims if dim in first.coords}
        group = _make_group(
            path, "", xr.Dataset(coords={**coords, "case": event.issue_times, "method": _storable(np.array(self._methods))})
        )
        group.create_array(
            "sums",
            shape=(event.issues.size, len(self._methods), *first.shape),
            chunks=(1, len(self._methods), *first.shape),
            dtype="float64",
            fill_value=np.nan,
            dimension_names=("case", "method", *map(str, first.dims)),
        )


def statuses(path: Path, event: str) -> NDArray[np.uint8]:
    """(case, method), the status of everything in an event; a mark that cannot be read counts as not made."""
    array = _array(zarr.open_group(path, path=f"{event}/cases", mode="r"), "status")
    try:
        return np.asarray(array[:], np.uint8)
    except Exception:  # a mark cut short by a crash of the machine breaks the decoder in any way
        marks = np.full(array.shape, Status.PENDING, np.uint8)
        for number in range(array.shape[0]):
            try:
                marks[number] = array[number]
            except Exception:
                continue
        return marks


def _fitted(sums: xr.DataArray | None, layout: xr.DataArray, score: str) -> NDArray[np.float64]:
    """The numbers in the array's layout; NaN for a method that failed."""
    if sums is None:
        return np.full(layout.shape, np.nan)
    same = sums.dims == layout.dims and sums.shape == layout.shape
    if not same or not all(np.array_equal(sums[dim].values, layout[dim].values) for dim in layout.dims if dim in sums.coords):
        raise StormcellError(
            f"score {score!r}: expected sums of the same layout for all cases and methods of an event, {dict(layout.sizes)}, "
            f"got {dict(sums.sizes)}, or other coordinates"
        )
    return np.asarray(sums.values, np.float64)


def _make_group(path: Path, name: str, coords: xr.Dataset) -> zarr.Group:
    coords.to_zarr(path, group=name or None, mode="w", consolidated=False, zarr_format=3)
    return zarr.open_group(path, path=name, mode="r+")


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    """Text of any length: text of fixed length has no place in the Zarr standard yet."""
    return values.astype(object) if values.dtype.kind == "U" else values


def _array(group: zarr.Group, name: str) -> "zarr.Array[Any]":
    array = group[name]
    assert isinstance(array, zarr.Array)
    return array


def _grid_facts(event: Event) -> dict[str, Any]:
    grid = event.series.grid
    return {"rows": grid.shape[0], "columns": grid.shape[1], "pixel_km": round(grid.pixel_km, 4), "lonlat_box": list(grid.lonlat_box)}


@contextmanager
def _made_at_once(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; when the block ends well it takes the place of `folder`, otherwise it is removed."""
    beside = folder.with_name(f"{_UNFINISHED}{secrets.token_hex(4)}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        os.replace(beside, folder)
    except OSError as error:
        raise WriteError(f"{folder}: cannot be written ({error.strerror or error}); check the folder and the free space") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
