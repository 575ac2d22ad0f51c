"""Files that arrived, decoded in a process with limits: what breaks it breaks nothing else."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import xarray as xr

from stormcell.data.cut_out import parse_bbox
from stormcell.data.isolated import USUAL, Decoder, Limits
from stormcell.data.read import read
from stormcell.errors import ReadError, StormcellError

__all__ = ["Limits", "decode"]


def decode(files: Sequence[Path], limits: Limits = USUAL, *, bbox: str | None = None) -> Iterator[tuple[Path, xr.DataArray | ReadError]]:
    """Read radar files in a process with limits; the next files have a new one if a file breaks it.

    Args:
        files: of any format that `stormcell.data.read` knows.
        limits: of the process.
        bbox: only this box, "west,south,east,north" in degrees; what lies around it does not come back from the process.

    Yields:
        each file with its frames, (time, y, x) rain rate [mm h-1] as `stormcell.read` gives them, or with why it cannot be read: what the
        reader said, or which limit the process reached.
    """
    box = parse_bbox(bbox) if bbox else None
    with Decoder(limits) as decoder:
        for file in files:
            try:
                result: xr.DataArray | ReadError = read(file, bbox=box, isolated=decoder)
            except StormcellError as error:
                result = error if isinstance(error, ReadError) else ReadError(f"{file}: {error}")
            yield file, result
