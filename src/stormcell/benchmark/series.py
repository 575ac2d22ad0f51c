"""Series of radar frames that are opened but not decoded: of an archive of any length, only the window at hand is ever in memory."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from glob import glob, has_magic
from os.path import abspath
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.archive import Archive, is_archive
from stormcell.data.read import Scan, even_scans, find_scans, read_scan
from stormcell.data.readers import cf
from stormcell.errors import FramesError, ReadError
from stormcell.frames import Times, grid_of
from stormcell.grid import Grid
from stormcell.timeline import join_frames
from stormcell.units import ZRRule

__all__ = ["Series", "Window", "forget", "open_series"]

Window = Callable[[], tuple[xr.DataArray, xr.DataArray]]
"""Reads, when it is called, the past frames and the frames that verify the forecast, each (time, y, x) [mm h-1]. It is small, and can
be sent to another machine that sees the same files."""


@dataclass(frozen=True)
class Series:
    """The frames of one event on an even time axis.

    This is the seam to wherever frames are kept: files here; an archive fills in the same five fields from its own index.

    Attributes:
        name: of the event; letters, digits, dots, dashes and underscores.
        times: from the first scan to the last, those of missing scans included.
        present: (time,), is there a scan?
        grid: the one grid of all frames.
        content: fingerprint of what the series holds; another content, another fingerprint.
        window: from the times of past frames and of verifying frames, both on the axis, to what reads them.
    """

    name: str
    times: Times
    present: NDArray[np.bool_] = field(repr=False)
    grid: Grid
    content: str
    window: Callable[[Times, Times], Window] = field(repr=False)


def open_series(inputs: str | Path | Iterable[str | Path], *, zr: ZRRule | None = None, skip_bad: bool = False) -> list[Series]:
    """One series for each folder or Zarr archive among the inputs, and one for all single files together; sorted by name.

    Files are recognised and their times are told; one of each series is decoded, for its grid.

    Args:
        inputs: files, folders, globs or Zarr archives; a glob stands for its matches, so ``"events/*"`` is a series for each folder.
        zr: rule from reflectivity to rain rate; each format's own if None.
        skip_bad: leave out files that cannot be recognised, with a `SkippedFileWarning`, instead of raising.

    Raises:
        ReadError: an input names nothing, or a file cannot be recognised.
        FramesError: the times in a series fit no even step.
    """
    folders: dict[Path, Path] = {}
    files: dict[Path, Path] = {}
    for item in [inputs] if isinstance(inputs, str | Path) else inputs:
        whole = Path(item).exists() or not has_magic(str(item))
        for path in [Path(item)] if whole else sorted(map(Path, glob(str(item), recursive=True))) or [Path(item)]:
            (folders if path.is_dir() else files).setdefault(path.resolve(), Path(abspath(path)))
    groups = [[folder] for folder in folders.values()] + ([list(files.values())] if files else [])
    names = _names([group[0] if group[0].is_dir() else group[0].parent for group in groups])
    return sorted((_file_series(name, group, zr, skip_bad) for name, group in zip(names, groups, strict=True)), key=lambda one: one.name)


def _names(folders: Sequence[Path]) -> list[str]:
    """A short name for each folder: its own; where two are alike, with as many of the folders above as it takes."""
    for depth in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = [re.sub(r"[^\w.-]+", "_", "_".join(folder.parts[-depth:])).strip("._") or "event" for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [f"{name}-{number}" for number, name in enumerate(names)]


def _file_series(name: str, inputs: Sequence[Path], zr: ZRRule | None, skip_bad: bool) -> Series:
    try:
        scans, axis = even_scans(find_scans(inputs, skip_bad=skip_bad), skip_bad=skip_bad)
    except FramesError as error:
        nested = inputs[0].is_dir() and not cf.is_zarr(inputs[0]) and all(path.is_dir() for path in inputs[0].iterdir())
        hint = f"; if its folders are events of their own, give them one by one: {inputs[0]}/*" if nested else ""
        raise FramesError(f"{error}{hint}") from error
    step = axis[1] - axis[0] if axis.size > 1 else np.timedelta64(1, "ns")
    slots = [np.round((scan.times - axis[0]) / step).astype(np.int64) for scan in scans]
    holder = np.full(axis.size, -1)  # which scan holds each time; of two for the same time, the first
    for index in reversed(range(len(scans))):
        holder[slots[index]] = index

    def window(past: Times, future: Times) -> Window:
        wanted = np.round((np.concatenate([past, future]) - axis[0]) / step).astype(np.int64)
        holding = np.unique(holder[wanted])
        near = [scans[index]._replace(times=scans[index].times[np.isin(slots[index], wanted)]) for index in holding.tolist() if index >= 0]
        return partial(_read_window, near, past, future, zr)

    return Series(name, axis, holder >= 0, _grid(scans, zr, skip_bad), _fingerprint(scans), window)


def _grid(scans: Sequence[Scan], zr: ZRRule | None, skip_bad: bool) -> Grid:
    """The grid of the first scan that can be read."""
    for scan in scans:
        try:
            return grid_of(read_scan(scan, zr=zr, until=np.sort(scan.times)[:2][-1]))
        except ReadError:
            if not skip_bad:
                raise
    raise ReadError(f"{scans[0].path} and {len(scans) - 1} more: none of the files could be read")


def _fingerprint(scans: Sequence[Scan]) -> str:
    """Of the names, sizes and times of the files, and of what archives hold; wherever they lie, and in whatever order they came."""
    lines = sorted(f"{scan.path.name} {_content(scan.path)} {scan.times.astype('datetime64[ns]').tolist()}" for scan in scans)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _content(path: Path) -> int | str:
    if path.is_file():
        return path.stat().st_size
    return Archive(path).fingerprint if is_archive(path) else ""


_Key = tuple[Path, int, ZRRule | None]
_decoded: dict[_Key, xr.DataArray] = {}  # the scans of the last window, most of which the next one needs again


def forget() -> None:
    """Let go of the frames of the last window, which are kept for the next one."""
    global _decoded
    _decoded = {}


def _read_window(scans: Sequence[Scan], past: Times, future: Times, zr: ZRRule | None) -> tuple[xr.DataArray, xr.DataArray]:
    global _decoded
    step, wanted = past[1] - past[0], np.concatenate([past, future])
    keys: dict[Path, _Key] = {scan.path: (scan.path, _changed(scan.path), zr) for scan in scans if not scan.reader.series}
    held = {key: frames for key, frames in _decoded.items() if key in keys.values()}
    _decoded = held  # what is not needed is let go before more is read
    parts = []
    for scan in scans:
        if scan.reader.series:
            frames = read_scan(scan, zr=zr, since=scan.times.min(), until=scan.times.max())
        else:
            key = keys[scan.path]
            frames = held[key] if key in held else read_scan(scan, zr=zr)
            held[key] = frames
        on_axis = past[0] + np.round((frames["time"].values - past[0]) / step).astype(np.int64) * step
        parts.append(frames.assign_coords(time=on_axis).isel(time=np.isin(on_axis, wanted)))
    return join_frames(parts, times=past), join_frames(parts, times=future)


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0
