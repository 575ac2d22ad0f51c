"""Tar archives of ODIM_H5 composites: how the German weather service (DWD) sends an analysis and its forecast since 2025 (RV, WN).

All composites of an archive have the time of the analysis as nominal time. The analysis covers the minutes up to it, each forecast some
minutes after it. An archive is read to its end, so one that is cut off is refused even if the analysis is whole.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.content import Content
from stormcell.data.hdf5 import opened
from stormcell.data.readers.odim import frames_of, is_forecast, lead_of, nominal_time
from stormcell.data.tarred import is_tar, members, start_of_first
from stormcell.errors import ReadError
from stormcell.frames import make_forecast
from stormcell.units import ZRRule

__all__ = ["read_odim_tar", "read_odim_tar_forecast", "recognises", "times"]

_HDF5 = b"\x89HDF\r\n\x1a\n"
_NOW = np.timedelta64(1, "m")  # scans of a composite end within it of the nominal time


def recognises(content: Content) -> bool:
    """A tar archive whose first file is HDF5."""
    return is_tar(content) and start_of_first(content).startswith(_HDF5)


def times(content: Content) -> NDArray[np.datetime64]:
    """The nominal time of the analysis."""
    with _analysis(content) as file:
        return np.array([nominal_time(file)])


def read_odim_tar(path: str | Path, *, zr: ZRRule | None = None) -> xr.DataArray:
    """Read the analysis of an archive of composites; the forecasts beside it are no observations.

    Args:
        path: the file; may be gzip or bzip2 packed.
        zr: rule from reflectivity to rain rate; Marshall-Palmer if None.

    Returns:
        (time=1, y, x) rain rate [mm h-1]; nodata is NaN, undetect is 0.

    Raises:
        ReadError: the archive is cut off, has more or larger files than any radar archive, or not exactly one analysis.
    """
    content = Content(path)
    with _analysis(content) as file:
        return frames_of(file, content.path, zr)


def read_odim_tar_forecast(path: str | Path, *, zr: ZRRule | None = None) -> xr.DataArray:
    """Read the service's own forecast from an archive of composites.

    Returns:
        (member=1, lead_time, y, x) rain rate [mm h-1].

    Raises:
        ReadError: as for `read_odim_tar`, or there is no forecast.
    """
    content, fields = Content(path), {}
    for data in _composites(content):
        with opened(io.BytesIO(data), content.path) as file:
            if not _is_analysis(file):
                fields[lead_of(file)] = frames_of(file, content.path, zr, forecast=True).values[0]
    if not fields:
        raise ReadError(f"{content.path}: holds no forecast; expected composites with lead times above 0")
    leads = sorted(fields)
    values = np.stack([fields[lead] for lead in leads])[np.newaxis]
    past = read_odim_tar(path, zr=zr)
    return make_forecast(values, past, np.array(leads, "timedelta64[ns]"), method=f"forecast of {past.attrs['source']}")


def _composites(content: Content) -> Iterator[bytes]:
    """The HDF5 files of the archive; others that may lie beside them are left out."""
    for _, member in members(content):
        data = member.read()
        if data.startswith(_HDF5):
            yield data


def _is_analysis(file: h5py.File) -> bool:
    return not is_forecast(file) and bool(lead_of(file) <= _NOW)


@contextmanager
def _analysis(content: Content) -> Iterator[h5py.File]:
    """The one composite that is an observation."""
    found = []
    for data in _composites(content):
        with opened(io.BytesIO(data), content.path) as file:
            found += [data] if _is_analysis(file) else []
    if len(found) != 1:
        raise ReadError(f"{content.path}: holds {len(found)} analyses; expected one composite with lead time 0, and forecasts beside it")
    with opened(io.BytesIO(found[0]), content.path) as file:
        yield file
