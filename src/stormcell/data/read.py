"""Files, folders and globs in any order and format; one gap-checked field of rain out."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from glob import glob, has_magic
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.content import Content
from stormcell.data.cut_out import LEAST, Box, cut_out, window_in
from stormcell.data.isolated import Decoder, decoder_for
from stormcell.data.printable import printable
from stormcell.data.readers import Reader, cf, reader_for, reader_named
from stormcell.errors import FramesError, ReadError, StormcellError, UnknownFormatError
from stormcell.frames import Times, grid_of
from stormcell.progress import track
from stormcell.timeline import UnevenTimesError, join_frames, regular_times
from stormcell.units import ZRRule

__all__ = ["Scan", "ScreenedPixelsWarning", "SkippedFileWarning", "even_scans", "find_files", "find_scans", "read", "read_scan"]

Inputs = str | Path | Iterable[str | Path]

MAX_RAIN_RATE = 1000.0  # mm h-1; the largest rates ever measured over five minutes are near 800
MAX_SPURIOUS_SHARE = 1e-4
CLOCK_TOLERANCE = np.timedelta64(15, "m")
_ENOUGH_FOR_A_STEP = 4  # time steps, see `even_scans`


class SkippedFileWarning(UserWarning):
    """A file was left out because it could not be read."""


class ScreenedPixelsWarning(UserWarning):
    """Single pixels with absurd rain rates were set to missing."""


class Scan(NamedTuple):
    """A file that a reader recognised, the times in it that matter, how many it holds, and who decodes it."""

    path: Path
    format: str
    reader: Reader
    times: NDArray[np.datetime64]
    held: int
    decoder: Decoder | None = None


def read(
    inputs: Inputs,
    *,
    zr: ZRRule | None = None,
    last: int | Callable[[np.timedelta64], int] | None = None,
    bbox: Box | None = None,
    skip_bad: bool = False,
    isolated: bool | Decoder = False,
) -> xr.DataArray:
    """Read radar files into one field. With a box, of a scan only what lies in it is kept, so that never more than one whole is in memory.

    Args:
        inputs: files, folders, globs or Zarr archives, in any order.
        zr: rule from reflectivity to rain rate; each format's own if None.
        last: only the last so many time steps, 1 or more (a scan that is missing among them stays a gap), or what tells that from the
            time step; all if None.
        bbox: only this box, (west, south, east, north) in degrees; see `stormcell.data.cut_out`. All if None.
        skip_bad: leave out files that cannot be read or do not fit the others, with a `SkippedFileWarning`, instead of raising.
        isolated: decode in a process of its own with limits on time and memory, for files of strangers; see `stormcell.data.isolated`.

    Returns:
        (time, y, x) rain rate [mm h-1], evenly spaced in time; missing scans are frames of NaN, counted in the attribute `gaps`.

    Raises:
        ReadError: no file, or one that cannot be read or holds what no radar measures.
        FramesError: the files do not fit together (grids, time steps), they have too few pixels in the box, or no time step is wanted.
    """
    if last is not None and not callable(last) and last < 1:
        raise FramesError(f"read: expected a number of time steps of at least 1, got last={last}")
    with decoder_for(isolated) as decoder:
        scans = find_scans(inputs, skip_bad=skip_bad, decoder=decoder)
        if callable(last):
            scans, newest = even_scans(scans, last=_ENOUGH_FOR_A_STEP, skip_bad=skip_bad)
            last = last(newest[1] - newest[0]) if newest.size > 1 else 1
        scans, axis = even_scans(scans, last=last, skip_bad=skip_bad)
        return _read_scans(scans, axis, zr=zr, last=last, bbox=bbox, skip_bad=skip_bad)


def _read_scans(
    scans: Sequence[Scan], axis: Times, *, zr: ZRRule | None, last: int | None, bbox: Box | None, skip_bad: bool
) -> xr.DataArray:
    half_step = (axis[1] - axis[0]) // 2 if axis.size > 1 else np.timedelta64(0, "s")
    wanted = axis if last is None else axis[-last:]
    parts = []
    for scan in track(
        [scan for scan in scans if np.any((scan.times >= wanted[0] - half_step) & (scan.times <= wanted[-1] + half_step))], "reading"
    ):
        with _leaving_out(skip_bad):
            parts.append(read_scan(scan, zr=zr, since=wanted[0] - half_step, bbox=bbox))
    if not parts:
        raise ReadError("none of the files could be read; see the warnings for the reasons")
    return join_frames(_of_one_grid(parts) if skip_bad else parts, times=wanted)


def find_files(inputs: Inputs) -> list[Path]:
    """The files that the inputs name: a folder stands for all files in it (or below it, if it holds only folders), a glob for its matches.

    Hidden files are left out; a Zarr archive counts as one file.

    Raises:
        ReadError: an input names nothing, or a folder cannot be opened.
    """
    found: dict[Path, None] = {}
    for item in [inputs] if isinstance(inputs, str | Path) else inputs:
        path = Path(item)
        try:
            matches = [path] if path.exists() else sorted(map(Path, glob(str(item), recursive=True))) if has_magic(str(item)) else []
            files = [file for match in matches for file in _below(match, set())]
        except OSError as error:
            raise ReadError(f"{item}: cannot be opened ({error.strerror}); check the name and the permissions") from error
        if not files:
            raise ReadError(f"{item}: no such file, or nothing in the folder; expected radar files, a folder of them, or a glob in quotes")
        found |= dict.fromkeys(files)
    return list(found)


def _below(path: Path, visited: set[Path]) -> list[Path]:
    """The path itself if it is a file or a Zarr archive; otherwise the files in the folder, or below it if it holds only folders."""
    if not path.is_dir() or cf.is_zarr(path):
        return [path]
    if path.resolve() in visited:  # a link that leads back
        return []
    visited.add(path.resolve())
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in entries if not entry.is_dir() or cf.is_zarr(entry)]
    return files or [file for entry in entries for file in _below(entry, visited)]


def find_scans(inputs: Inputs, *, skip_bad: bool = False, decoder: Decoder | None = None) -> list[Scan]:
    """Recognise each file and tell its times, without decoding any image; in another process, if there is a decoder.

    Raises:
        ReadError: a file is of no known format, broken, or dated in the future; or none is left.
    """
    scans = []
    for path in find_files(inputs):
        with _leaving_out(skip_bad):
            if decoder is None:
                with _decoding(path, "radar data"):
                    name, reader = reader_for(path)
                with _decoding(path, name):
                    times = reader.times(cf.ZarrStore(path) if path.is_dir() else Content(path))
            else:
                name, times = decoder.times(path)
                reader = reader_named(name)
            _check_times(path, times)
            scans.append(Scan(path, name, reader, times, times.size, decoder))
    if not scans:
        raise ReadError("no file is left that could be read; see the warnings for the reasons")
    return scans


def even_scans(scans: Sequence[Scan], *, last: int | None = None, skip_bad: bool = False) -> tuple[list[Scan], Times]:
    """The scans that lie on one even time axis, and that axis.

    Args:
        scans: what was found.
        last: how many time steps matter; scans long before them are not looked at.
        skip_bad: leave out scans that lie off the axis, with a warning.

    Raises:
        FramesError: the times fit no even step; names the file.
    """
    kept = list(scans)
    while True:
        stamps = np.unique(np.concatenate([scan.times for scan in kept]))
        try:
            return kept, regular_times(stamps if last is None else stamps[-max(3 * last, 6) :])
        except UnevenTimesError as error:
            odd = next(scan for scan in kept if error.at in scan.times)
            if not skip_bad or odd.times.size > 1:
                raise FramesError(f"{odd.path}: {error}") from error
            warnings.warn(f"left out {odd.path}: {error}", SkippedFileWarning, stacklevel=3)
            kept.remove(odd)


def read_scan(
    scan: Scan,
    *,
    zr: ZRRule | None = None,
    since: np.datetime64 | None = None,
    until: np.datetime64 | None = None,
    bbox: Box | None = None,
) -> xr.DataArray:
    """Decode one file, screen its values, and cut out a box; readers that can decode no more than the box.

    Args:
        scan: from `find_scans`.
        zr: rule from reflectivity to rain rate; the format's own if None.
        since: of a file that holds many frames, leave out those before this time.
        until: and those after this.
        bbox: only this box, (west, south, east, north) in degrees.

    Raises:
        ReadError: the file is broken, or holds what no radar measures.
        FramesError: it has too few pixels in the box; a `ReadError` from readers that decode no more than that.
    """
    if scan.decoder is not None:
        frames, said = scan.decoder.read(scan.path, zr=zr, since=since, until=until, bbox=bbox)
        for message in said:
            warnings.warn(message, ScreenedPixelsWarning, stacklevel=2)
        return frames
    options: dict[str, Any] = {"since": since, "until": until} if scan.reader.series else {}
    cropped = False
    if bbox is not None and scan.reader.crops:
        options["window"], cropped = partial(window_in, box=bbox, least=LEAST), True
    with _decoding(scan.path, scan.format):
        frames = scan.reader.read(scan.path, zr=zr, **options)
    frames = _screen(frames, scan, cropped=cropped)
    return frames if bbox is None or cropped else cut_out(frames, bbox)


def _screen(frames: xr.DataArray, scan: Scan, *, cropped: bool) -> xr.DataArray:
    """Refuse a file that holds no data or absurd data; set single absurd pixels to missing, and say so.

    A frame without data among others is a gap, and so is the part of a frame: then one pixel may be absurd, however small the part.
    """
    path, seen = scan.path, int(np.isfinite(frames.values).sum())
    if seen == 0 and scan.held == 1 and not cropped:
        raise ReadError(f"{path}: no pixel holds data; expected rain rates, got only missing values. Leave it out with --skip-bad")
    lowest, highest = float(np.fmin.reduce(frames.values, axis=None)), float(np.fmax.reduce(frames.values, axis=None))
    if lowest < 0:
        raise ReadError(f"{path}: expected rain rates of 0 or more, got {lowest:g} mm/h; check the file, or leave it out with --skip-bad")
    spurious = frames.values > MAX_RAIN_RATE
    count = int(spurious.sum())
    if count > max(MAX_SPURIOUS_SHARE * seen, float(cropped)):
        raise ReadError(
            f"{path}: {count} of {seen} pixels are above {MAX_RAIN_RATE:g} mm/h (the largest is {highest:,.0f}); "
            "expected rain rates that occur on earth. Check the unit and the Z-R rule, or leave the file out with --skip-bad"
        )
    if count:
        warnings.warn(f"{path}: {count} pixels above {MAX_RAIN_RATE:g} mm/h are set to missing", ScreenedPixelsWarning, stacklevel=2)
        frames = frames.copy(data=np.where(spurious, np.float32(np.nan), frames.values))
    words = {name: printable(value) for name, value in frames.attrs.items() if isinstance(value, str)}
    return frames.assign_attrs(words, file=str(path), pixels_screened=count)


def _of_one_grid(parts: Sequence[xr.DataArray]) -> list[xr.DataArray]:
    """The parts on the grid that most of them share; the others are left out with a warning."""
    grids = [grid_of(part) for part in parts]
    kinds = [next(index for index, first in enumerate(grids) if first.same_as(grid)) for grid in grids]
    usual = Counter(kinds).most_common(1)[0][0]
    for part, kind in zip(parts, kinds, strict=True):
        if kind != usual:
            warnings.warn(f"left out {part.attrs['file']}: its grid is not that of the other files", SkippedFileWarning, stacklevel=3)
    return [part for part, kind in zip(parts, kinds, strict=True) if kind == usual]


@contextmanager
def _leaving_out(skip_bad: bool) -> Iterator[None]:
    """A ReadError within becomes a warning, if that is wanted."""
    try:
        yield
    except ReadError as error:
        if not skip_bad:
            raise
        warnings.warn(f"left out {error}", SkippedFileWarning, stacklevel=4)


@contextmanager
def _decoding(path: Path, format_name: str) -> Iterator[None]:
    """While a reader works on a foreign file, whatever goes wrong becomes one clear error that names it.

    Decoders raise anything at all on broken files, so anything is caught here; the cause stays attached for whoever debugs.
    """
    try:
        yield
    except UnknownFormatError:
        raise
    except StormcellError as error:
        message = str(error)
        raise ReadError(printable(message if message.startswith(str(path)) else f"{path}: {message}")) from error
    except MemoryError as error:
        raise ReadError(f"{path}: does not fit in memory ({printable(str(error))}); expected no more than a radar image needs") from error
    except Exception as error:
        reason = printable(str(error), 200) or type(error).__name__
        raise ReadError(
            f"{path}: looks like {format_name} but is broken or cut off ({reason}); fetch it again, or leave it out with --skip-bad"
        ) from error


def _check_times(path: Path, times: NDArray[np.datetime64]) -> None:
    now = np.datetime64("now", "ns")
    if times.size == 0 or np.isnat(times).any():
        raise ReadError(f"{path}: expected the time of each image, got {times.size} times, {int(np.isnat(times).sum())} of them missing")
    if times.max() > now + CLOCK_TOLERANCE:
        raise ReadError(
            f"{path}: is dated {str(times.max())[:16]} UTC, which is in the future (now it is {str(now)[:16]}); "
            "check the file, or this machine's clock"
        )
