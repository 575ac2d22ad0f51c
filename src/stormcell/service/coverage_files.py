"""Published fields as files, on the pixels they have: CF NetCDF, Cloud-Optimized GeoTIFF, zipped Zarr; all of a field or a box."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from stormcell.data.cut_out import Box, window_in
from stormcell.errors import FramesError
from stormcell.frames import STANDARD_NAME, UNITS, grid_of
from stormcell.products.cog import write_geotiff
from stormcell.products.netcdf import write_netcdf, write_products
from stormcell.service.edr import Chosen, Plane, chosen
from stormcell.service.fields import FieldStore
from stormcell.service.fields_cache import QUANTILES, FieldsCache
from stormcell.timeline import join_frames

__all__ = ["as_geotiff", "as_netcdf", "as_zarr", "cut"]

_MOST_VALUES = 100_000_000
_PRODUCTS = {"probability": ("probability", "threshold"), QUANTILES: ("rainfall_rate_quantile", "quantile")}


def cut(fields: FieldsCache, key: str, box: Box | None) -> xr.Dataset:
    """A field, or the part of it whose pixels lie in a box; its values are not read yet.

    Raises:
        FramesError: no pixel lies in the box.
        ReadError: the field is gone.
    """
    field = fields.field(key)
    if box is None:
        return field.dataset
    rows, columns = window_in(field.grid, box)
    return field.dataset.isel(y=rows, x=columns)


def as_netcdf(fields: FieldsCache, planes: Sequence[Plane], names: str | None, box: Box | None) -> bytes:
    """Planes as one CF NetCDF file: scans over time, or lead times of a forecast.

    Args:
        fields: that are published.
        planes: by time, of scans or of one forecast.
        names: of parameters, as EDR has them, with commas; all if None.
        box: west, south, east, north [degrees]; everything if None.

    Raises:
        FramesError: nothing lies in the box, too much is asked for, or a name is none.
    """
    parameters = chosen(fields.field(planes[0].key), names)
    if planes[0].step is None:
        scans = [cut(fields, plane.key, box)["rain_rate"].expand_dims("time").rename(STANDARD_NAME) for plane in planes]
        _check(len(scans) * scans[0].size)
        frames = join_frames([scan.load() for scan in scans])
        return _file(lambda folder: write_netcdf(frames, folder / "field.nc"))
    dataset = _of(cut(fields, planes[0].key, box), parameters).isel(lead_time=[plane.step for plane in planes])
    _check(sum(variable.size for variable in dataset.data_vars.values()))
    products = xr.Dataset({_PRODUCTS[str(name)][0]: field.load() for name, field in dataset.data_vars.items() if name in _PRODUCTS})
    if "rain_rate" not in dataset:
        return _file(lambda folder: write_products(products, folder / "field.nc"))
    forecast = dataset["rain_rate"].expand_dims(member=[0]).rename(STANDARD_NAME).load()
    return _file(lambda folder: write_netcdf(forecast, folder / "field.nc", products=products or None))


def as_geotiff(fields: FieldsCache, planes: Sequence[Plane], names: str | None, box: Box | None) -> bytes:
    """Planes of one field as a Cloud-Optimized GeoTIFF: a band for each parameter at each time.

    Args:
        fields: that are published.
        planes: by time, of one key.
        names: of parameters, as EDR has them, with commas; all if None.
        box: west, south, east, north [degrees]; everything if None.

    Raises:
        FramesError: nothing lies in the box, too much is asked for, or a name is none.
    """
    if len({plane.key for plane in planes}) > 1:
        raise FramesError(f"geotiff: expected one scan, got {len(planes)}; name its time")
    parameters = chosen(fields.field(planes[0].key), names)
    dataset = cut(fields, planes[0].key, box)
    count = len(planes) * len(parameters)
    _check(count * dataset.sizes["y"] * dataset.sizes["x"])
    bands, says, units = [], [], []
    for plane in planes:
        for name, (parameter, variable, place) in parameters.items():
            index = tuple(one for one in (place, plane.step) if one is not None)
            bands.append(np.asarray(dataset[variable][index].values, np.float32))
            says.append(f"{STANDARD_NAME if name == 'rain_rate' else parameter.label}, valid {plane.time}Z")
            units.append(UNITS if parameter.symbol == "mm/h" else parameter.symbol)
    grid = grid_of(dataset["rain_rate"])
    tags = _tags(dataset, planes, units)
    return _file(lambda folder: write_geotiff(folder / "field.tif", np.stack(bands), grid, says, units, tags))


def as_zarr(fields: FieldsCache, key: str, box: Box | None) -> bytes:
    """A field as a Zarr v3 group in a zip file, which zarr and xarray open as it is.

    Args:
        fields: that are published.
        key: of the field.
        box: west, south, east, north [degrees]; everything if None.

    Raises:
        FramesError: nothing lies in the box, or too much is asked for.
    """
    dataset = cut(fields, key, box)
    _check(sum(variable.size for variable in dataset.data_vars.values()))

    def write(folder: Path) -> None:
        store = FieldStore(str(folder / "groups"))
        group = folder / "groups" / store.write(dataset.drop_encoding().load(), kind="field")
        shutil.make_archive(str(folder / "field"), "zip", group)
        shutil.rmtree(folder / "groups")

    return _file(write)


def _of(dataset: xr.Dataset, parameters: Chosen) -> xr.Dataset:
    """The variables behind parameters, with no more thresholds and levels than are asked for."""
    places: dict[str, list[int]] = {}
    for _, variable, place in parameters.values():
        places.setdefault(variable, []).extend([] if place is None else [place])
    axes = {_PRODUCTS[variable][1]: found for variable, found in places.items() if variable in _PRODUCTS}
    return dataset[list(places)].isel(axes)


def _check(values: int) -> None:
    if values > _MOST_VALUES:
        raise FramesError(f"field: expected at most {_MOST_VALUES} values, got {values}; ask for a box, less time or fewer parameters")


def _tags(dataset: xr.Dataset, planes: Sequence[Plane], units: Sequence[str]) -> Mapping[str, str]:
    attrs = dataset["rain_rate"].attrs
    tags = {name: str(attrs[name]) for name in ("method", "source", "licence", "attribution") if attrs.get(name)}
    if len(set(units)) == 1:
        tags["units"] = units[0]
    if len(planes) == 1:
        tags["valid_time"] = f"{planes[0].time}Z"
    if planes[0].step is not None:
        reference = np.datetime64(dataset["forecast_reference_time"].item(), "ns").astype("datetime64[s]")
        tags["forecast_reference_time"] = f"{reference}Z"
        if len(planes) == 1:
            tags["lead_time_minutes"] = f"{(planes[0].time - reference) / np.timedelta64(60, 's'):g}"
    return tags


def _file(write: Callable[[Path], object]) -> bytes:
    """The bytes of the one file that is written into a folder."""
    with tempfile.TemporaryDirectory(prefix="stormcell-web-") as folder:
        write(Path(folder))
        (path,) = Path(folder).iterdir()
        return path.read_bytes()
