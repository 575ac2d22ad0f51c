"""Published fields as files."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from stormcell.data.cut_out import parse_bbox
from stormcell.service.coverage_files import as_geotiff, as_netcdf, as_zarr
from stormcell.service.database import PublishedForecast, PublishedScan
from stormcell.service.edr import Plane
from stormcell.service.problems import PROBLEMS, Problem
from stormcell.service.routes.tiles import FOREVER
from stormcell.service.web import TheWeb, Web, answer, matches

__all__ = ["Box", "ROUTER"]

ROUTER = APIRouter(prefix="/v1", tags=["downloads"], responses=PROBLEMS)

Box = Annotated[
    str | None,
    Query(max_length=200, pattern=r"^-?[0-9.]+(,-?[0-9.]+){3}$", description="west,south,east,north [degrees]; everything if left out"),
]
Part = Annotated[
    float | None, Query(ge=0, le=1000, allow_inf_nan=False, description="threshold [mm/h] of a probability, level of a quantile")
]

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
    one, box = await web.found(key), parse_bbox(bbox) if bbox else None

    def make() -> bytes:
        return as_netcdf(web.fields, _planes(one), None if ensemble else "rain_rate", box)

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
    step: Annotated[int, Query(ge=0, le=10_000, description="number of the lead time, from 1 on; 0 of a scan")] = 0,
    quantity: Annotated[Literal["rain_rate", "probability", "quantile"], Query()] = "rain_rate",
    part: Part = None,
    bbox: Box = None,
) -> Response:
    """A scan, or a forecast at one lead time, as a Cloud-Optimized GeoTIFF, or the part of it in a box.

    Probabilities and quantiles have a band each, unless `part` names one.
    """
    one, box = await web.found(key), parse_bbox(bbox) if bbox else None
    if isinstance(one, PublishedScan) and (step != 0 or quantity != "rain_rate"):
        raise Problem(404, "A scan has rain_rate, and step 0.")
    if isinstance(one, PublishedForecast) and not 1 <= step <= one.steps:
        raise Problem(404, f"This forecast has the steps 1 to {one.steps}.")
    field = await web.work(lambda: web.fields.field(one.key))
    names = _names(quantity, part, field.thresholds, field.levels)
    plane = _planes(one)[max(0, step - 1)]

    def make() -> bytes:
        return as_geotiff(web.fields, [plane], ",".join(names), box)

    return await _download(request, web, one, f"geotiff-{step}-{quantity}-{part}-{bbox}", make, "image/tiff", "tif")


@ROUTER.get(
    "/fields/{key}/zarr",
    response_class=Response,
    responses={200: {"description": "a Zarr v3 group in a zip file", "content": {"application/zip": _FILE}}},
)
async def zarr(request: Request, web: TheWeb, key: str, bbox: Box = None) -> Response:
    """A field, or the part of it in a box, as a Zarr group in a zip file, which zarr and xarray open as it is."""
    one, box = await web.found(key), parse_bbox(bbox) if bbox else None
    return await _download(request, web, one, f"zarr-{bbox}", lambda: as_zarr(web.fields, one.key, box), "application/zip", "zarr.zip")


def _planes(one: PublishedScan | PublishedForecast) -> list[Plane]:
    if isinstance(one, PublishedScan):
        return [Plane(one.time, one.key, None)]
    return [Plane(time, one.key, step) for step, time in enumerate(one.reference_time + one.lead_times)]


def _names(quantity: str, part: float | None, thresholds: tuple[float, ...], levels: tuple[float, ...]) -> list[str]:
    """The parameters behind a quantity.

    Raises:
        Problem: the field has none such.
    """
    if quantity == "rain_rate":
        return ["rain_rate"]
    there, name = (thresholds, "probability_of") if quantity == "probability" else (levels, "rain_rate_quantile")
    if not there or part not in (None, *there):
        raise Problem(404, f"Of {quantity} this field has: {', '.join(f'{one:g}' for one in there) or 'none, it is no ensemble'}.")
    return [f"{name}_{one:g}" for one in there if part in (None, one)]


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
