"""Published fields as files."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import xarray as xr
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from stormcell.data.cut_out import parse_bbox, window_in
from stormcell.errors import FramesError
from stormcell.frames import STANDARD_NAME
from stormcell.products.cog import write_geotiffs
from stormcell.products.netcdf import write_netcdf
from stormcell.service.database import PublishedForecast, PublishedScan
from stormcell.service.fields_cache import QUANTILES
from stormcell.service.problems import PROBLEMS, Problem
from stormcell.service.routes.tiles import FOREVER
from stormcell.service.web import TheWeb, Web, answer, matches

__all__ = ["Box", "ROUTER", "cut"]

ROUTER = APIRouter(prefix="/v1", tags=["downloads"], responses=PROBLEMS)

Box = Annotated[
    str | None,
    Query(max_length=200, pattern=r"^-?[0-9.]+(,-?[0-9.]+){3}$", description="west,south,east,north [degrees]; everything if left out"),
]

_MOST_VALUES = 100_000_000
_FILE = {"schema": {"type": "string", "format": "binary"}}


@ROUTER.get(
    "/fields/{key}/netcdf",
    response_class=Response,
    responses={200: {"description": "CF NetCDF", "content": {"application/x-netcdf": _FILE}}},
)
async def netcdf(
    request: Request,
    web: TheWeb,
    key: str,
    bbox: Box = None,
    ensemble: Annotated[bool, Query(description="probabilities and quantiles too, where there are any")] = True,
) -> Response:
    """A field as CF NetCDF, or the part of it in a box."""
    one = await web.found(key)

    def make() -> bytes:
        dataset = cut(web, one.key, bbox)
        field = _as_frames(dataset["rain_rate"]) if isinstance(one, PublishedScan) else _as_forecast(dataset["rain_rate"])
        names = {"probability": "probability", QUANTILES: "rainfall_rate_quantile"}
        others = {name: dataset[own].load() for own, name in names.items() if ensemble and own in dataset}
        products = xr.Dataset(others) if others else None
        return _file(lambda folder: write_netcdf(field.load(), folder / "field.nc", products=products))

    return await _download(request, web, one, f"netcdf-{bbox}-{ensemble}", make, "application/x-netcdf", "nc")


@ROUTER.get(
    "/fields/{key}/geotiff",
    response_class=Response,
    responses={200: {"description": "Cloud-Optimized GeoTIFF", "content": {"image/tiff": _FILE}}},
)
async def geotiff(
    request: Request,
    web: TheWeb,
    key: str,
    step: Annotated[int, Query(ge=1, le=10_000, description="number of the lead time, from 1 on")],
    bbox: Box = None,
) -> Response:
    """The rain rate of a forecast at one lead time as a Cloud-Optimized GeoTIFF, or the part of it in a box."""
    one = await web.found(key)
    if not isinstance(one, PublishedForecast):
        raise Problem(404, "This key is of a scan; its file is under .../netcdf.")
    if step > one.steps:
        raise Problem(404, f"This forecast has the steps 1 to {one.steps}.")

    def make() -> bytes:
        field = _as_forecast(cut(web, one.key, bbox)["rain_rate"].isel(lead_time=[step - 1]))
        return _file(lambda folder: write_geotiffs(field.load(), folder))

    return await _download(request, web, one, f"geotiff-{step}-{bbox}", make, "image/tiff", "tif")


def cut(web: Web, key: str, bbox: str | None) -> xr.Dataset:
    """A field, or the part of it whose pixels lie in a box; its values are not read yet.

    Raises:
        FramesError: no pixel lies in the box, or more than may be asked for.
    """
    field = web.fields.field(key)
    dataset = field.dataset
    if bbox is not None:
        rows, columns = window_in(field.grid, parse_bbox(bbox))
        dataset = dataset.isel(y=rows, x=columns)
    if sum(variable.size for variable in dataset.data_vars.values()) > _MOST_VALUES:
        raise FramesError(f"field: expected at most {_MOST_VALUES} values; ask for a box, or with ensemble=false")
    return dataset


def _as_frames(field: xr.DataArray) -> xr.DataArray:
    return field.expand_dims("time").rename(STANDARD_NAME)


def _as_forecast(field: xr.DataArray) -> xr.DataArray:
    return field.expand_dims(member=[0]).rename(STANDARD_NAME)


def _file(write: Callable[[Path], object]) -> bytes:
    """The bytes of the one file that is written into a folder."""
    with tempfile.TemporaryDirectory(prefix="stormcell-web-") as folder:
        write(Path(folder))
        (path,) = Path(folder).iterdir()
        return path.read_bytes()


async def _download(
    request: Request, web: Web, one: PublishedScan | PublishedForecast, what: str, make: Callable[[], bytes], media_type: str, ending: str
) -> Response:
    tag, cache = f"{one.key}-{what.replace(',', '_')}", f"{web.visibility}, {FOREVER}"
    if matches(request, f'W/"{tag}"'):
        return Response(status_code=304, headers={"ETag": f'W/"{tag}"', "Cache-Control": cache})
    moment = one.time if isinstance(one, PublishedScan) else one.reference_time
    name = f"rain_{str(moment).replace(':', '').replace('-', '')}Z.{ending}"
    content = await web.long_work(make)
    return answer(request, content, tag=tag, cache=cache, media_type=media_type, Content_Disposition=f'attachment; filename="{name}"')
