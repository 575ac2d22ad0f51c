"""Readers of radar files: one file a format, one line in `READERS`.

A reader is told by a file's content, not by its name, and gives frames that pass `stormcell.frames.check_frames`.
To add a format, write a module with the three functions of `Reader` and list it below, or publish such a `Reader` from
another package under the entry point group ``stormcell.readers``.
"""

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.content import Content
from stormcell.data.readers import archive, bom, cf, fmi, knmi, meteoswiss, mrms, odim, odim_tar, radolan
from stormcell.errors import ReadError, UnknownFormatError

__all__ = ["READERS", "Reader", "reader_for", "reader_named"]


class Reader(NamedTuple):
    """How one format is read.

    Attributes:
        recognises: is this file's content of this format? Cheap, and never raises for a file of another format.
        times: the times in the file, without decoding the images.
        read: the frames; keyword `zr` is the Z-R rule for reflectivity (None: the format's own).
        series: a file may hold many frames; `read` then takes `since` and `until`, the first and the last time that is wanted.
        crops: `read` takes `window`, a function that tells from the file's grid which rows and columns are wanted, and decodes no others.
    """

    recognises: Callable[[Content], bool]
    times: Callable[[Content], NDArray[np.datetime64]]
    read: Callable[..., xr.DataArray]
    series: bool = False
    crops: bool = False


READERS: dict[str, Reader] = {
    "odim": Reader(odim.recognises, odim.times, odim.read_odim),
    "odim-tar": Reader(odim_tar.recognises, odim_tar.times, odim_tar.read_odim_tar),
    "knmi": Reader(knmi.recognises, knmi.times, knmi.read_knmi),
    "bom": Reader(bom.recognises, bom.times, bom.read_bom),
    "fmi": Reader(fmi.recognises, fmi.times, fmi.read_fmi),
    "meteoswiss": Reader(meteoswiss.recognises, meteoswiss.times, meteoswiss.read_meteoswiss),
    "mrms": Reader(mrms.recognises, mrms.times, mrms.read_mrms, crops=True),
    "radolan": Reader(radolan.recognises, radolan.times, radolan.read_radolan),
    "archive": Reader(archive.recognises, archive.times, archive.read_archive, series=True, crops=True),
    "cf": Reader(cf.recognises, cf.times, cf.read_cf, series=True),
}


def reader_for(path: str | Path) -> tuple[str, Reader]:
    """The name and the reader of the format that a file's content shows.

    Raises:
        UnknownFormatError: no reader knows it.
        ReadError: the file is absent, empty or broken where it is unpacked.
    """
    content = Content(path) if not Path(path).is_dir() else cf.ZarrStore(path)
    for name, reader in {**READERS, **_published()}.items():
        try:
            if reader.recognises(content):
                return name, reader
        except ReadError:
            raise
        except Exception:  # a foreign file may break its decoder in any way; then it is not of this format
            continue
    raise UnknownFormatError(
        f"{path}: no reader recognises its content; expected one of {', '.join(READERS)}. "
        "The file may be cut off, or something else than radar data; leave it out with --skip-bad"
    )


def reader_named(name: str) -> Reader:
    """The reader of a format."""
    return {**READERS, **_published()}[name]


@cache
def _published() -> dict[str, Reader]:
    return {point.name: point.load() for point in entry_points(group="stormcell.readers")}
