"""What is in these files? Times, gaps, grid, and how much of it is wet or missing, gathered one file at a time."""

import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stormcell.data.read import ScreenedPixelsWarning, find_scans, read_scan
from stormcell.errors import FramesError
from stormcell.frames import grid_of
from stormcell.grid import Grid
from stormcell.progress import track
from stormcell.timeline import regular_times
from stormcell.units import ZRRule

__all__ = ["Summary", "summarise"]

WET = 0.1  # mm h-1


@dataclass(frozen=True)
class Summary:
    """A person's first questions about radar files, answered. All shares are of pixels; wet is at least 0.1 mm/h."""

    files: int
    formats: dict[str, int]
    scans: int
    first: str
    last: str
    step_minutes: float | None
    missing_scans: list[str]
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

    def as_dict(self) -> dict[str, Any]:
        """For a program: plain numbers, strings and lists."""
        return asdict(self)


def summarise(inputs: str | Path | Iterable[str | Path], *, zr: ZRRule | None = None, skip_bad: bool = False) -> Summary:
    """Read every file once and sum up what is there; memory does not grow with the number of files.

    Args:
        inputs: files, folders, globs or Zarr archives.
        zr: rule from reflectivity to rain rate; each format's own if None.
        skip_bad: leave out files that cannot be read, with a warning.

    Raises:
        ReadError: a file cannot be read.
        FramesError: the files lie on different grids, or their times fit no even step.
    """
    scans = list(find_scans(inputs, skip_bad=skip_bad))
    stamps = np.concatenate([scan.times for scan in scans])
    axis = regular_times(stamps)
    grid: Grid | None = None
    attrs: dict[str, Any] = {}
    pixels = seen = wet = screened = 0
    largest = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScreenedPixelsWarning)  # counted below
        for scan in track(scans, "reading"):
            frames = read_scan(scan, zr=zr)
            here = grid_of(frames)
            if grid is not None and not grid.same_as(here):
                raise FramesError(
                    f"mixed grids: {scan.path} has {here.shape[0]} x {here.shape[1]} pixels, the files before it "
                    f"{grid.shape[0]} x {grid.shape[1]}, or it lies elsewhere; give scans of one product only"
                )
            grid, attrs = here, dict(frames.attrs)
            values = frames.values
            pixels, seen, wet = pixels + values.size, seen + int(np.isfinite(values).sum()), wet + int((values >= WET).sum())
            largest = max(largest, float(np.nanmax(values)))
            screened += int(attrs["pixels_screened"])
    assert grid is not None  # find_scans gives at least one
    half = (axis[1] - axis[0]) / 2 if axis.size > 1 else np.timedelta64(0)
    missing = [stamp for stamp in axis if np.abs(stamps - stamp).min() > half]
    return Summary(
        files=len(scans),
        formats=dict(Counter(scan.format for scan in scans)),
        scans=int(stamps.size),
        first=_iso(axis[0]),
        last=_iso(axis[-1]),
        step_minutes=float((axis[1] - axis[0]) / np.timedelta64(1, "m")) if axis.size > 1 else None,
        missing_scans=[_iso(stamp) for stamp in missing],
        duplicate_scans=int(stamps.size - np.unique(stamps).size),
        rows=grid.shape[0],
        columns=grid.shape[1],
        pixel_km=round(grid.pixel_km, 4),
        crs=_projection(grid),
        edges=grid.edges,
        lonlat_box=grid.lonlat_box,
        quantity=str(attrs.get("quantity", "rain rate")),
        zr_rule=attrs.get("zr_rule"),
        wet_share=wet / max(seen, 1),
        missing_share=1.0 - seen / pixels,
        largest_rain_rate=largest,
        screened_pixels=screened,
        source=str(attrs.get("source", "")),
    )


def _projection(grid: Grid) -> str:
    code = grid.crs.to_authority()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # PROJ text is for a person here; the WKT in the fields holds everything
        return ":".join(code) if code else grid.crs.to_proj4()


def _iso(stamp: np.datetime64) -> str:
    return f"{pd.Timestamp(stamp):%Y-%m-%dT%H:%M:%SZ}"
