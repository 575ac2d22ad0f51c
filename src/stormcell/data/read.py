"""Files, folders and globs in any order and format; one gap-checked field of rain out."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.content import FOREIGN_FAULTS, Content
from stormcell.data.readers import Reader, cf, reader_for
from stormcell.errors import ReadError, StormcellError
from stormcell.frames import Times
from stormcell.progress import track
from stormcell.timeline import join_frames, regular_times
from stormcell.units import ZRRule

__all__ = ["Scan", "SkippedFileWarning", "ScreenedPixelsWarning", "find_files", "find_scans", "read", "read_scan"]

MAX_RAIN_RATE = 1000.0  # mm h-1; the largest rates ever measured over five minutes are near 800
MAX_SPURIOUS_SHARE = 1e-4
CLOCK_TOLERANCE = np.timedelta64(15, "m")


class SkippedFileWarning(UserWarning):
    """A file was left out because it could not be read."""


class ScreenedPixelsWarning(UserWarning):
    """Single pixels with absurd rain rates were set to missing."""


class Scan(NamedTuple):
    """A file that a reader recognised, and the times it holds."""

    path: Path
    format: str
    reader: Reader
    times: NDArray[np.datetime64]


def read(
    inputs: str | Path | Iterable[str | Path], *, zr: ZRRule | None = None, last: int | None = None, skip_bad: bool = False
) -> xr.DataArray:
    """Read radar files into one field.

    Args:
        inputs: files, folders, globs or Zarr archives, in any order.
        zr: rule from reflectivity to rain rate; each format's own if None.
        last: only the last so many time steps (a scan that is missing among them stays a gap); all if None.
        skip_bad: leave out files that cannot be read, with a `SkippedFileWarning`, instead of raising.

    Returns:
        (time, y, x) rain rate [mm h-1], evenly spaced in time; missing scans are frames of NaN, counted in the attribute `gaps`.

    Raises:
        ReadError: no file, or one that cannot be read or holds what no radar measures.
        FramesError: the files do not fit together (grids, time steps).
    """
    scans = list(find_scans(inputs, skip_bad=skip_bad))
    axis = regular_times(np.concatenate([scan.times for scan in scans]))
    wanted = axis if last is None else axis[-last:]
    parts = []
    for scan in track([scan for scan in scans if _touches(scan, wanted)], "reading"):
        try:
            parts.append(read_scan(scan, zr=zr, since=wanted[0] - _half_step(axis)))
        except ReadError as error:
            if not skip_bad:
                raise
            warnings.warn(f"left out {error}", SkippedFileWarning, stacklevel=2)
    if not parts:
        raise ReadError(f"none of the {len(scans)} files could be read; run without --skip-bad to see why")
    return join_frames(parts, times=wanted)


def find_files(inputs: str | Path | Iterable[str | Path]) -> list[Path]:
    """The files that the inputs name: a folder stands for all files in it (or below it, if it holds only folders), a glob for its matches.

    Hidden files are left out; a Zarr archive counts as one file.

    Raises:
        ReadError: an input names nothing.
    """
    found: dict[Path, None] = {}
    for item in [inputs] if isinstance(inputs, str | Path) else inputs:
        path = Path(item)
        if path.is_dir() and not cf.is_zarr(path):
            matches = _inside(path)
        elif not path.exists() and has_magic(str(item)):
            matches = sorted(Path(match) for match in glob(str(item), recursive=True))
            matches = [inner for match in matches for inner in (_inside(match) if match.is_dir() and not cf.is_zarr(match) else [match])]
        else:
            matches = [path] if path.exists() else []
        if not matches:
            raise ReadError(f"{item}: no such file, or nothing in the folder; expected radar files, a folder of them, or a glob in quotes")
        found |= dict.fromkeys(matches)
    return list(found)


def _inside(folder: Path) -> list[Path]:
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in entries if entry.is_file() or cf.is_zarr(entry)]
    return files or [file for entry in entries if entry.is_dir() for file in _inside(entry)]


def find_scans(inputs: str | Path | Iterable[str | Path], *, skip_bad: bool = False) -> Iterator[Scan]:
    """Recognise each file and tell its times, without decoding any image.

    Raises:
        ReadError: a file is of no known format, broken, or dated in the future; or none is left.
    """
    found = 0
    for path in find_files(inputs):
        try:
            name, reader = reader_for(path)
            with _decoding(path, name):
                times = reader.times(_content(path))
            _check_clock(path, times)
        except ReadError as error:
            if not skip_bad:
                raise
            warnings.warn(f"left out {error}", SkippedFileWarning, stacklevel=2)
            continue
        found += 1
        yield Scan(path, name, reader, times)
    if not found:
        raise ReadError("no file is left that could be read; run without --skip-bad to see why")


def read_scan(scan: Scan, *, zr: ZRRule | None = None, since: np.datetime64 | None = None) -> xr.DataArray:
    """Decode one file and screen its values.

    Raises:
        ReadError: the file is broken, or holds what no radar measures.
    """
    options = {"since": since} if scan.reader.series else {}
    with _decoding(scan.path, scan.format):
        frames = scan.reader.read(scan.path, zr=zr, **options)
    return _screen(frames, scan.path)


def _screen(frames: xr.DataArray, path: Path) -> xr.DataArray:
    """Refuse a file that holds no data or absurd data; set single absurd pixels to missing, and say so."""
    seen = int(frames.count())
    if seen == 0:
        raise ReadError(f"{path}: no pixel holds data; expected rain rates, got only missing values. Leave it out with --skip-bad")
    spurious = frames > MAX_RAIN_RATE
    count = int(spurious.sum())
    if count > MAX_SPURIOUS_SHARE * seen:
        raise ReadError(
            f"{path}: {count} of {seen} pixels are above {MAX_RAIN_RATE:g} mm/h (the largest is {float(frames.max()):,.0f}); "
            "expected rain rates that occur on earth. Check the unit and the Z-R rule, or leave the file out with --skip-bad"
        )
    if count:
        warnings.warn(f"{path}: {count} pixels above {MAX_RAIN_RATE:g} mm/h are set to missing", ScreenedPixelsWarning, stacklevel=2)
        frames = frames.where(~spurious).assign_attrs(frames.attrs)
    return frames.assign_attrs(file=str(path), pixels_screened=count)


@contextmanager
def _decoding(path: Path, format_name: str) -> Iterator[None]:
    """While a reader works on a foreign file: whatever its libraries raise becomes one clear error."""
    try:
        yield
    except ReadError:
        raise
    except StormcellError as error:
        raise ReadError(f"{path}: {error}") from error
    except FOREIGN_FAULTS as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ReadError(
            f"{path}: looks like {format_name} but is broken or cut off ({reason}); fetch it again, or leave it out with --skip-bad"
        ) from error


def _content(path: Path) -> Content:
    return cf.ZarrStore(path) if path.is_dir() else Content(path)


def _check_clock(path: Path, times: NDArray[np.datetime64]) -> None:
    now = np.datetime64("now", "ns")
    if times.size and times.max() > now + CLOCK_TOLERANCE:
        raise ReadError(
            f"{path}: is dated {str(times.max())[:16]} UTC, which is in the future (now it is {str(now)[:16]}); "
            "check the file, or this machine's clock"
        )


def _touches(scan: Scan, wanted: Times) -> bool:
    return bool(np.any((scan.times >= wanted[0] - _half_step(wanted)) & (scan.times <= wanted[-1] + _half_step(wanted))))


def _half_step(axis: Times) -> np.timedelta64:
    return (axis[1] - axis[0]) // 2 if axis.size > 1 else np.timedelta64(0)
