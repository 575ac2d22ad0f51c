"""Radar files of any format into an archive: found, put in order, decoded a shard at a time, added where they are missing."""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.archive import PROFILES, Archive, mlcast
from stormcell.data.isolated import decoder_for
from stormcell.data.read import Scan, ScreenedPixelsWarning, SkippedFileWarning, even_scans, find_files, find_scans, read_scan
from stormcell.errors import FramesError, ReadError, StormcellError
from stormcell.frames import Times, grid_of
from stormcell.grid import Grid
from stormcell.progress import track
from stormcell.timeline import join_frames, slots_begin
from stormcell.units import ZRRule
from stormcell.workers import runner

__all__ = ["Ingested", "ingest"]

_FIRST_SCANS = 5  # that are looked at to tell the grid of a new archive


@dataclass(frozen=True)
class Ingested:
    """What an ingest did.

    Attributes:
        new: scans that were added.
        known: scans that were there already, or came twice.
        skipped: files that were left out, or scans without data.
    """

    new: int
    known: int
    skipped: int


class _Piece(NamedTuple):
    """What goes into one shard: the times of its slots, and the scans that have something for them."""

    times: Times
    scans: list[Scan]


class _Decoded(NamedTuple):
    """A piece, read: its frames if there are any, and what there is to say about the rest."""

    number: int
    frames: xr.DataArray | None
    screened: list[str]
    skipped: list[str]


def ingest(
    inputs: str | Path | Iterable[str | Path],
    path: str | Path,
    *,
    zr: ZRRule | None = None,
    step: np.timedelta64 | None = None,
    profile: str | None = None,
    attrs: Mapping[str, Any] | None = None,
    workers: int | str = 1,
    skip_bad: bool = False,
    isolated: bool = False,
) -> Ingested:
    """Add radar files to an archive, which is made if it is not there.

    Scans that the archive holds are not even decoded, so the same call again is cheap, and goes on where a killed one stopped. Memory does
    not grow with the number of files, nor with the frames in one.

    Args:
        inputs: files, folders, globs or Zarr archives, in any order.
        path: the archive's folder.
        zr: rule from reflectivity to rain rate; each format's own if None.
        step: time between two scans of a new archive; found from the scans if None.
        profile: layout of a new archive, one of `stormcell.data.archive.PROFILES`; "default" if None. "mlcast" holds the data to the
            rules of that collection.
        attrs: of the archive: `source`, `licence` and the like; they replace what it had.
        workers: 1 decodes in this process, more in so many local ones; a text is the address of a Dask scheduler.
        skip_bad: leave out files that cannot be read or do not fit, with a `SkippedFileWarning`, instead of raising.
        isolated: decode in processes of their own with limits; see `stormcell.data.isolated`.

    Raises:
        ReadError: a file cannot be read.
        FramesError: the files do not fit together, or not to the archive.
        WriteError: the archive is being written by someone else, or cannot be written.
    """
    with decoder_for(isolated) as decoder:
        files = find_files(inputs)
        scans = find_scans(files, skip_bad=skip_bad, decoder=decoder)
        if any(scan.path.resolve() == Path(path).resolve() for scan in scans):
            raise FramesError(f"archive: {path} is among the inputs; give another name for the archive")
        archive, scans = _opened(Path(path), scans, zr, step, profile, dict(attrs or {}), skip_bad)
        with archive:
            pieces, known, fitting = _plan(archive, scans, skip_bad)
            new, skipped = 0, len(files) - fitting
            decode = partial(_decode, grid=archive.grid, step=archive.step, zr=zr, skip_bad=skip_bad)
            with runner(1 if workers != 1 and not pieces else workers) as run:
                decoded = run(decode, enumerate(pieces), lost=_lost)
                in_order = decoded if PROFILES[archive.profile].keeps_gaps else _in_order(decoded)
                for piece in track(in_order, "adding", total=len(pieces)):
                    skipped += len(piece.skipped)
                    for message in piece.skipped:
                        warnings.warn(message, SkippedFileWarning, stacklevel=2)
                    for message in piece.screened:
                        warnings.warn(message, ScreenedPixelsWarning, stacklevel=2)
                    if piece.frames is not None:
                        new += archive.append(piece.frames)
                        _describe(archive, piece.frames)
            if attrs:
                archive.describe(**attrs)
            if new:
                archive.record(f"added {new} scans from {_names(scans)}")
    return Ingested(new, known, skipped)


def _opened(
    path: Path,
    scans: list[Scan],
    zr: ZRRule | None,
    step: np.timedelta64 | None,
    profile: str | None,
    attrs: dict[str, Any],
    skip_bad: bool,
) -> tuple[Archive, list[Scan]]:
    """The archive, made if it is not there, and the scans that fit an even step."""
    if path.exists():
        archive = Archive(path, writable=True)
        has, wanted = (archive.profile, archive.step), (profile or archive.profile, archive.step if step is None else step)
        if has != wanted:
            archive.close()
            raise FramesError(
                f"archive: {path} has profile {has[0]} and a step of {_words(has[1])}, not {wanted[0]} and {_words(wanted[1])}"
            )
        return archive, scans
    if step is not None:
        start = slots_begin(min(scan.times.min() for scan in scans) + np.arange(2) * step)
    else:
        scans, axis = even_scans(scans, skip_bad=skip_bad)
        if axis.size < 2:
            raise FramesError(f"archive: {path} is new, and one scan tells no time step; give more scans, or --step 5min")
        start, step = slots_begin(axis), axis[1] - axis[0]
    grid, seen = _usual_grid(scans, zr, skip_bad)
    if profile == "mlcast":
        attrs = {**mlcast.own_attributes(start), **attrs}
        if broken := mlcast.broken_rules(grid, seen, np.concatenate([scan.times for scan in scans]), attrs):
            raise FramesError(f"archive: {path} would break {len(broken)} of the rules of mlcast: {'; '.join(broken)}")
    return Archive.create(path, grid, step, start=start, profile=profile or "default", attrs=attrs), scans


def _words(step: np.timedelta64) -> str:
    return f"{step / np.timedelta64(1, 's'):g} s"


def _in_order(decoded: Iterable["_Decoded"]) -> Iterator["_Decoded"]:
    """The pieces as they were numbered; those that are ready early wait."""
    waiting: dict[int, _Decoded] = {}
    following = 0
    for piece in decoded:
        waiting[piece.number] = piece
        while following in waiting:
            yield waiting.pop(following)
            following += 1


def _usual_grid(scans: Sequence[Scan], zr: ZRRule | None, skip_bad: bool) -> tuple[Grid, NDArray[np.bool_]]:
    """The grid of the first scan, and what is seen of it; where bad files are to be left out, the one that most of a few scans share."""
    grids: list[tuple[Grid, NDArray[np.bool_]]] = []
    for index in dict.fromkeys(np.linspace(0, len(scans) - 1, _FIRST_SCANS if skip_bad else 1).astype(int).tolist()):
        with _noting(skip_bad, []), warnings.catch_warnings():
            warnings.simplefilter("ignore", ScreenedPixelsWarning)  # said when the scan is added
            frames = read_scan(scans[index], zr=zr, until=np.sort(scans[index].times)[:2][-1])
            grids.append((grid_of(frames), np.isfinite(frames.values).any(axis=0)))
    if not grids:
        raise ReadError(f"{scans[0].path} and {len(scans) - 1} more: none of those that were tried could be read")
    kinds = [next(index for index, (first, _) in enumerate(grids) if first.same_as(grid)) for grid, _ in grids]
    return grids[Counter(kinds).most_common(1)[0][0]]


def _plan(archive: Archive, scans: Sequence[Scan], skip_bad: bool) -> tuple[list[_Piece], int, int]:
    """What is missing, in pieces of a shard; how many scans are there already; and how many files have a place in the archive."""
    wanted: dict[int, list[tuple[Scan, NDArray[np.int64]]]] = {}
    there = frozenset(np.flatnonzero(archive.present).tolist())
    taken: set[int] = set()
    known = fitting = 0
    for scan in scans:
        with _noting(skip_bad, None):
            try:
                slots = archive.slots_of(scan.times)
            except FramesError as error:
                raise FramesError(f"{scan.path}: {error}") from error
            missing = np.array([slot not in there for slot in slots.tolist()], bool)
            repeated = np.array([slot in taken for slot in slots.tolist()], bool)
            first_of_slot = np.zeros(slots.size, bool)
            first_of_slot[np.unique(slots, return_index=True)[1]] = True
            chosen = missing & first_of_slot & (skip_bad | ~repeated)  # the second, should the first turn out to be bad
            if not PROFILES[archive.profile].keeps_gaps and np.any(slots[chosen] < len(archive)):
                raise FramesError(f"{scan.path}: comes late, and an archive of profile {archive.profile} takes scans in order only")
            fitting += 1
            known += int((~chosen | repeated).sum())
            taken.update(slots[chosen].tolist())
            for shard in np.unique(slots[chosen] // archive.shard_slots).tolist():
                inside = chosen & (slots // archive.shard_slots == shard)
                wanted.setdefault(shard, []).append((scan._replace(times=scan.times[inside]), slots[inside]))
    pieces = []
    for _, group in sorted(wanted.items()):
        slots = np.concatenate([slots for _, slots in group])
        pieces.append(_Piece(archive.times_of(int(slots.min()), int(slots.max()) + 1), [scan for scan, _ in group]))
    return pieces, known, fitting


def _decode(numbered: tuple[int, _Piece], *, grid: Grid, step: np.timedelta64, zr: ZRRule | None, skip_bad: bool) -> _Decoded:
    """Read the scans of a piece, and put them on its slots. Runs in a worker, so it hands back what there is to say instead of warning."""
    number, piece = numbered
    parts: list[xr.DataArray] = []
    skipped: list[str] = []
    filled: set[int] = set()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ScreenedPixelsWarning)
        for scan in piece.scans:
            slots = np.round((scan.times - piece.times[0]) / step).astype(np.int64)
            if filled.issuperset(slots.tolist()):
                continue
            with _noting(skip_bad, skipped):
                part = read_scan(scan, zr=zr, since=scan.times.min(), until=scan.times.max())
                if not grid.same_as(grid_of(part)):
                    raise FramesError(
                        f"{scan.path}: its {part.shape[1]} x {part.shape[2]} pixels are not those of the archive, or lie elsewhere; "
                        "give scans of one product only, or leave it out with --skip-bad"
                    )
                on_axis = piece.times[0] + np.round((part["time"].values - piece.times[0]) / step).astype(np.int64) * step
                parts.append(part.assign_coords(time=on_axis).isel(time=np.isin(part["time"].values, scan.times)))
                filled.update(slots.tolist())
    frames = join_frames(parts, times=piece.times) if parts else None
    return _Decoded(number, frames, [str(warning.message) for warning in said], skipped)


def _lost(numbered: tuple[int, _Piece], reason: str) -> _Decoded:
    scans = numbered[1].scans
    raise StormcellError(f"{scans[0].path} and {len(scans) - 1} more: {reason}")


def _describe(archive: Archive, frames: xr.DataArray) -> None:
    """Keep what the first frames say about themselves."""
    facts = {name: frames.attrs[name] for name in ("source", "institution", "references", "zr_rule", "quantity") if frames.attrs.get(name)}
    if licence := frames.attrs.get("licence") or frames.attrs.get("license"):
        facts["licence"] = licence
    if missing := {name: value for name, value in facts.items() if name not in archive.attrs}:
        archive.describe(**missing)


def _names(scans: Sequence[Scan]) -> str:
    first, last = scans[0].path.name, scans[-1].path.name
    return first if len(scans) == 1 else f"{len(scans)} files, {first} to {last}"


@contextmanager
def _noting(skip_bad: bool, notes: list[str] | None) -> Iterator[None]:
    """An error about a file within becomes a note, if that is wanted; a warning where there is no list for notes."""
    try:
        yield
    except (ReadError, FramesError) as error:
        if not skip_bad:
            raise
        if notes is None:
            warnings.warn(f"left out {error}", SkippedFileWarning, stacklevel=4)
        else:
            notes.append(f"left out {error}")
