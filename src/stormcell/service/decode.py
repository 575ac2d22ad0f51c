"""Files that arrived, decoded in a process with limits: what breaks it breaks nothing else."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import xarray as xr

from stormcell.data.cut_out import parse_bbox
from stormcell.data.isolated import USUAL, Decoder, Limits
from stormcell.data.read import read
from stormcell.errors import ReadError, StormcellError, WriteError

__all__ = ["Limits", "decode"]

_LEAST_FREE = 64 * 1024  # bytes; with less, it is the disk and not the file that does not let it be read


def decode(files: Sequence[Path], limits: Limits = USUAL, *, bbox: str | None = None) -> Iterator[tuple[Path, xr.DataArray | ReadError]]:
    """Read radar files in a process with limits; the next files have a new one if a file breaks it.

    Args:
        files: of any format that `stormcell.data.read` knows.
        limits: of the process.
        bbox: only this box, "west,south,east,north" in degrees; what lies around it does not come back from the process.

    Yields:
        each file with its frames, (time, y, x) rain rate [mm h-1] as `stormcell.read` gives them, or with why it cannot be read: what the
        reader said, or which limit the process reached.

    Raises:
        WriteError: the disk is full on which decoded files pass through, so nothing can be said of the next file.
    """
    box = parse_bbox(bbox) if bbox else None
    with Decoder(limits) as decoder:
        for file in files:
            try:
                result: xr.DataArray | ReadError = read(file, bbox=box, isolated=decoder)
            except StormcellError as error:
                if shutil.disk_usage(tempfile.gettempdir()).free < _LEAST_FREE:
                    raise WriteError(f"{tempfile.gettempdir()}: the disk is full, {file.name} cannot be decoded; make room") from error
                result = error if isinstance(error, ReadError) else ReadError(f"{file}: {error}")
            yield file, result
