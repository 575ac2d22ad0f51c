"""What is in these files? Times, gaps, grid, and how much of it is wet or missing, gathered one file at a time."""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.data.archive import Archive, is_archive
from stormcell.data.isolated import decoder_for
from stormcell.data.read import Scan, ScreenedPixelsWarning, SkippedFileWarning, even_scans, find_scans, read_scan
from stormcell.errors import FramesError, ReadError
from stormcell.frames import Times, grid_of
from stormcell.grid import Grid
from stormcell.progress import track
from stormcell.units import ZRRule

__all__ = ["Summary", "summarise"]

WET = 0.1  # mm h-1
BLOCK = 64  # frames of a series that are held at once


@dataclass(frozen=True)
class Summary:
    """A person's first questions about radar files, answered. All shares are of pixels; wet is at least 0.1 mm/h."""

    files: int
    formats: dict[str, int]
    scans: int
    first: str
    last: str
    step_minutes: float | None
    missing_count: int
    missing_scans: list[str]  # the first thousand
    gap_count: int
    longest_gap_minutes: float
    duplicate_scans: int
    rows: int
    columns: int
    pixel_km: float
    crs: str
    edges: tuple[float, float, float, float]
    lonlat_box: tuple[float, float, float, float]
    quantity: str
    zr_rule: str | None
    wet_share: float
    missing_share: float
    largest_rain_rate: float
    screened_pixels: int
    source: str
    licence: str | None

    def as_dict(self) -> dict[str, Any]:
        """For a program: plain numbers, strings and lists."""
        return asdict(self)


class _Tally:
    """What has been counted so far of the frames on one grid."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.paths: dict[Path, None] = {}
        self.attrs: dict[str, Any] = {}
        self.pixels = self.seen = self.wet = self.screened = 0
        self.largest = 0.0
        self.unseen: list[np.datetime64] = []

    def add(self, path: Path, frames: xr.DataArray) -> None:
        values = frames.values
        known = np.isfinite(values)
        self.paths[path] = None
        self.attrs = dict(frames.attrs)
        self.pixels += values.size
        self.seen += int(known.sum())
        self.wet += int((values >= WET).sum())
        self.largest = max(self.largest, float(np.fmax.reduce(values, axis=None)))
        self.screened += int(frames.attrs["pixels_screened"])
        self.unseen += list(frames["time"].values[~known.any(axis=(1, 2))])

    def add_archive(self, archive: Archive) -> None:
        """The same from an archive's statistics, without a look at its frames."""
        pixels = archive.grid.shape[0] * archive.grid.shape[1]
        here = archive.present
        seen = np.round(archive.seen_share[here].astype(np.float64) * pixels)
        self.paths[archive.path] = None
        self.attrs = {"source": archive.path.name, **archive.about}
        self.pixels += int(here.sum()) * pixels
        self.seen += int(seen.sum())
        self.wet += int(np.round(archive.wet_share[here] * seen).sum())
        self.largest = max([self.largest, *archive.largest[here].max(keepdims=True, initial=0.0).tolist()])


def summarise(
    inputs: str | Path | Iterable[str | Path], *, zr: ZRRule | None = None, skip_bad: bool = False, isolated: bool = False
) -> Summary:
    """Read every file once and sum up what is there; memory grows neither with the number of files nor with the frames in one.

    Args:
        inputs: files, folders, globs or Zarr archives.
        zr: rule from reflectivity to rain rate; each format's own if None.
        skip_bad: leave out files that cannot be read or do not fit the others, with a warning.
        isolated: decode in a process of its own with limits; see `stormcell.data.isolated`.

    Raises:
        ReadError: a file cannot be read.
        FramesError: the files lie on different grids, or their times fit no even step.
    """
    with decoder_for(isolated) as decoder:
        scans, axis = even_scans(find_scans(inputs, skip_bad=skip_bad, decoder=decoder), skip_bad=skip_bad)
        tally = _usual(_tallies(scans, zr, skip_bad), skip_bad)
    return _summary([scan for scan in scans if scan.path in tally.paths], axis, tally)


def _tallies(scans: list[Scan], zr: ZRRule | None, skip_bad: bool) -> list[_Tally]:
    """What there is on each grid."""
    tallies: list[_Tally] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScreenedPixelsWarning)  # counted
        for scan in track(scans, "reading"):
            try:
                if scan.decoder is None and is_archive(scan.path):
                    archive = Archive(scan.path)
                    _tally_of(archive.grid, tallies).add_archive(archive)
                    continue
                for frames in _blocks(scan, zr):
                    _tally_of(grid_of(frames), tallies).add(scan.path, frames)
            except ReadError as error:
                if not skip_bad:
                    raise
                warnings.warn(f"left out {error}", SkippedFileWarning, stacklevel=3)
    if not tallies:
        raise ReadError("none of the files could be read; see the warnings for the reasons")
    return tallies


def _tally_of(grid: Grid, tallies: list[_Tally]) -> _Tally:
    """The tally of this grid, a new one if it is the first of its kind."""
    tally = next((known for known in tallies if known.grid.same_as(grid)), None)
    if tally is None:
        tally = _Tally(grid)
        tallies.append(tally)
    return tally


def _blocks(scan: Scan, zr: ZRRule | None) -> Iterator[xr.DataArray]:
    """The frames of a file, a bounded number at a time."""
    times = np.sort(scan.times)
    for start in range(0, times.size, BLOCK):
        block = times[start : start + BLOCK]
        yield read_scan(scan, zr=zr, since=block[0], until=block[-1])


def _usual(tallies: list[_Tally], skip_bad: bool) -> _Tally:
    """The grid that most files share; the others are left out with a warning, or an error."""
    tallies = sorted(tallies, key=lambda tally: -len(tally.paths))
    for odd in tallies[1:]:
        message = f"mixed grids: {next(iter(odd.paths))} has {odd.grid.shape[0]} x {odd.grid.shape[1]} pixels, most files have "
        message += f"{tallies[0].grid.shape[0]} x {tallies[0].grid.shape[1]}, or it lies elsewhere"
        if not skip_bad:
            raise FramesError(f"{message}; give scans of one product only, or leave it out with --skip-bad")
        warnings.warn(f"left out {len(odd.paths)} files: {message}", SkippedFileWarning, stacklevel=3)
    return tallies[0]


def _summary(scans: list[Scan], axis: Times, tally: _Tally) -> Summary:
    stamps = np.concatenate([scan.times for scan in scans])
    step = axis[1] - axis[0] if axis.size > 1 else np.timedelta64(1, "ns")
    slots = np.round((stamps - axis[0]) / step).astype(np.int64)
    missing = np.union1d(axis[np.setdiff1d(np.arange(axis.size), slots)], np.array(tally.unseen, dtype=axis.dtype))
    minutes = float(step / np.timedelta64(1, "m"))
    gaps = np.split(missing, np.flatnonzero(np.diff(missing) > 1.5 * step) + 1) if missing.size else []
    licence = tally.attrs.get("licence") or tally.attrs.get("license")
    return Summary(
        files=len(scans),
        formats=dict(Counter(scan.format for scan in scans)),
        scans=int(stamps.size),
        first=_iso(axis[0]),
        last=_iso(axis[-1]),
        step_minutes=minutes if axis.size > 1 else None,
        missing_count=int(missing.size),
        missing_scans=[_iso(stamp) for stamp in missing[:1000]],
        gap_count=len(gaps),
        longest_gap_minutes=max((gap.size for gap in gaps), default=0) * minutes,
        duplicate_scans=int(stamps.size - np.unique(slots).size),
        rows=tally.grid.shape[0],
        columns=tally.grid.shape[1],
        pixel_km=round(tally.grid.pixel_km, 4),
        crs=_projection(tally.grid),
        edges=tally.grid.edges,
        lonlat_box=tally.grid.lonlat_box,
        quantity=str(tally.attrs.get("quantity", "rain rate")),
        zr_rule=tally.attrs.get("zr_rule"),
        wet_share=tally.wet / max(tally.seen, 1),
        missing_share=1.0 - tally.seen / tally.pixels,
        largest_rain_rate=tally.largest,
        screened_pixels=tally.screened,
        source=str(tally.attrs.get("source", "")),
        licence=str(licence) if licence else None,
    )


def _projection(grid: Grid) -> str:
    code = grid.crs.to_authority()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # PROJ text is for a person here; the WKT in the fields holds everything
        return ":".join(code) if code else grid.crs.to_proj4()


def _iso(stamp: np.datetime64) -> str:
    return f"{pd.Timestamp(stamp):%Y-%m-%dT%H:%M:%SZ}"
