"""Fields as Cloud-Optimized GeoTIFFs, of a forecast one file per lead time: what QGIS, GDAL and web maps open."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from stormcell.atomic import replacing
from stormcell.frames import UNITS, check_forecast, grid_of
from stormcell.grid import Grid
from stormcell.progress import track

__all__ = ["write_geotiff", "write_geotiffs"]

_LAYOUT = {
    "driver": "COG",
    "compress": "DEFLATE",
    "predictor": "FLOATING_POINT",
    "level": 3,
    "blocksize": 512,
    "overview_resampling": "AVERAGE",
    "num_threads": "ALL_CPUS",
}


def write_geotiffs(forecast: xr.DataArray, folder: str | Path) -> list[Path]:
    """Write one Cloud-Optimized GeoTIFF per lead time, a band per member.

    Values are float32 rain rates [mm h-1], NaN is nodata, overviews hold the mean of the pixels that the radar saw. The files are
    named after reference time and lead time, such as `rain_20150515T1625Z_+035min.tif`; each band tells its valid time and member.

    Args:
        forecast: (member, lead_time, y, x) rain rate [mm h-1].
        folder: where to; made if it is not there.

    Returns:
        The files, by lead time.

    Raises:
        FramesError: the forecast breaks the contract.
        WriteError: the folder cannot be written; no file is left half-written.
    """
    grid = grid_of(check_forecast(forecast))
    reference = pd.Timestamp(forecast["forecast_reference_time"].item())
    tags = {"units": UNITS, "forecast_reference_time": f"{reference:%Y-%m-%dT%H:%M:%SZ}", "method": str(forecast.attrs.get("method", ""))}
    written = []
    for step in track(range(forecast.sizes["lead_time"]), "writing GeoTIFFs"):
        minutes = pd.Timedelta(forecast["lead_time"].values[step]).total_seconds() / 60
        valid = f"{pd.Timestamp(forecast['time'].values[step]):%Y-%m-%dT%H:%M:%SZ}"
        bands = [f"rainfall_rate {UNITS}, valid {valid}, member {member}" for member in forecast["member"].values]
        path = Path(folder) / f"rain_{reference:%Y%m%dT%H%MZ}_+{minutes:03g}min.tif"
        with replacing(path) as beside:
            more = {**tags, "valid_time": valid, "lead_time_minutes": f"{minutes:g}"}
            write_geotiff(beside, forecast[:, step].values, grid, bands, [UNITS] * len(bands), more)
        written.append(path)
    return written


def write_geotiff(
    path: Path, bands: NDArray[np.float32], grid: Grid, descriptions: Sequence[str], units: Sequence[str], tags: Mapping[str, str]
) -> None:
    """Write fields on a grid as the bands of a Cloud-Optimized GeoTIFF.

    It is made in memory first: GDAL itself stays silent when a disk is full and leaves a broken file.

    Args:
        path: of the file.
        bands: (band, y, x), NaN = not known.
        grid: where the pixels are.
        descriptions: of each band.
        units: of each band.
        tags: of the file.

    Raises:
        OSError: the path cannot be written.
    """
    import rasterio
    from rasterio.io import MemoryFile

    (west, _, _, north), (dx, dy) = grid.edges, grid.pixel
    count, height, width = bands.shape
    profile: dict[str, Any] = {
        "width": width,
        "height": height,
        "count": count,
        "dtype": "float32",
        "nodata": float("nan"),
        "crs": rasterio.CRS.from_wkt(grid.crs.to_wkt()),
        "transform": rasterio.Affine(dx, 0.0, west, 0.0, -dy, north),
    }
    with MemoryFile() as memory:
        with memory.open(**_LAYOUT, **profile) as file:
            file.write(bands)
            file.descriptions = descriptions
            file.units = units
            file.update_tags(**tags)
        path.write_bytes(memory.getbuffer())
