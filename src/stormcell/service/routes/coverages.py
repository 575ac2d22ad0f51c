"""OGC API - Coverages beside EDR: the same collections, their fields as files on the pixels of the radar."""

import hashlib
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from stormcell.data.cut_out import Box, parse_bbox
from stormcell.service.coverage_files import as_geotiff, as_netcdf
from stormcell.service.edr import Selection, cube, parameters_of, select
from stormcell.service.problems import PROBLEMS, Problem
from stormcell.service.routes.downloads import Box as BoxText
from stormcell.service.routes.edr import COVERAGE, Id, When, coverage_answer
from stormcell.service.subset import Subset, parse_subset
from stormcell.service.web import TheWeb, Web, answer, matches

__all__ = ["ROUTER"]

ROUTER = APIRouter(prefix="/v1/edr", tags=["OGC API - Coverages"], responses=PROBLEMS)

Format = Literal["netcdf", "coveragejson", "geotiff"]

_MEDIA: dict[Format, str] = {"netcdf": "application/x-netcdf", "coveragejson": COVERAGE, "geotiff": "image/tiff; application=geotiff"}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "a coverage",
        "content": {
            "application/x-netcdf": _BINARY,
            "image/tiff": _BINARY,
            COVERAGE: {"schema": {"type": "object", "required": ["type", "domain", "ranges"]}},
        },
    }
}


@ROUTER.get(
    "/collections/{collection}/schema",
    response_class=Response,
    responses={200: {"description": "JSON Schema", "content": {"application/schema+json": {"schema": {"type": "object"}}}}},
)
async def schema(request: Request, web: TheWeb, collection: Id) -> Response:
    """The fields of a collection (the range type), as JSON Schema."""
    selection = select(await web.published(), collection, None, None)
    field = await web.work(lambda: web.fields.field(selection.planes[0].key))
    properties = {
        name: {
            "title": parameter.label,
            "type": "number",
            "x-ogc-propertySeq": number,
            "x-ogc-definition": parameter.observed,
            "x-ogc-unit": parameter.symbol,
            "x-ogc-unitLang": "UCUM",
        }
        for number, (name, (parameter, _, _)) in enumerate(parameters_of(field).items(), start=1)
    }
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{web.base(request)}/v1/edr/collections/{collection}/schema",
        "type": "object",
        "title": collection,
        "properties": properties,
    }
    return answer(request, json.dumps(body).encode(), media_type="application/schema+json")


@ROUTER.get("/collections/{collection}/coverage", response_class=Response, responses=_RESPONSES)
async def coverage(
    request: Request,
    web: TheWeb,
    collection: Id,
    bbox: BoxText = None,
    datetime: When = None,
    subset: Annotated[
        list[str],
        Query(max_length=10, description='parts of axes, Lat(46:47),Lon(8:9),time("2024-07-01T12:00:00Z"); * for no bound'),
    ] = [],  # noqa: B006
    properties: Annotated[str | None, Query(max_length=1000, description="some of the fields, with commas; all if left out")] = None,
    f: Annotated[Format | None, Query(description="NetCDF, or what the header Accept asks for, if left out")] = None,
) -> Response:
    """A collection, or a part of it, as a file.

    NetCDF and GeoTIFF have the pixels of the radar, CoverageJSON a grid of longitude and latitude. A GeoTIFF holds a scan or a forecast.
    """
    part = parse_subset(subset)
    if bbox is not None and (part.lat or part.lon) or datetime is not None and part.time is not None:
        raise Problem(400, "subset: expected other axes than those that bbox and datetime name")
    selection = select(await web.published(), collection, None, datetime or part.time)
    field = await web.work(lambda: web.fields.field(selection.planes[0].key))
    box = _box(part, field.grid.lonlat_box) if part.lat or part.lon else parse_bbox(bbox) if bbox else None
    form = f or _accepted(request.headers.get("accept", ""))
    if form == "coveragejson":
        found = await web.long_work(lambda: cube(web.fields, selection, properties, box or field.grid.lonlat_box))
        return coverage_answer(request, web, selection, found)
    return await _file(request, web, selection, properties, box, form)


async def _file(request: Request, web: Web, selection: Selection, names: str | None, box: Box | None, form: Format) -> Response:
    asked = repr((selection.planes, names, box, form)).encode()
    tag = hashlib.blake2b(asked, digest_size=12).hexdigest()
    if matches(request, f'W/"{tag}"'):
        return Response(status_code=304, headers={"ETag": f'W/"{tag}"', "Cache-Control": "no-cache"})
    make = as_netcdf if form == "netcdf" else as_geotiff
    content = await web.long_work(lambda: make(web.fields, selection.planes, names, box))
    name = f"rain_{str(selection.newest).replace(':', '').replace('-', '')}Z.{'nc' if form == 'netcdf' else 'tif'}"
    return answer(request, content, tag=tag, media_type=_MEDIA[form], Content_Disposition=f'attachment; filename="{name}"', Vary="Accept")


def _box(part: Subset, bounds: Box) -> Box:
    """What is asked for of the two axes, where there is something.

    Raises:
        Problem: nothing of the grid is there.
    """
    west, south, east, north = bounds
    (left, right), (low, high) = part.lon or (None, None), part.lat or (None, None)
    box = (
        west if left is None else max(west, left),
        south if low is None else max(south, low),
        east if right is None else min(east, right),
        north if high is None else min(north, high),
    )
    if box[0] > box[2] or box[1] > box[3]:
        raise Problem(404, "subset: nothing of the grid is there; the extent of the collection says where it is")
    return box


def _accepted(header: str) -> Format:
    """The first known format that a client names."""
    for one in header.split(","):
        named = one.partition(";")[0].strip().lower()
        for form, media in _MEDIA.items():
            if named == media.partition(";")[0]:
                return form
    return "netcdf"
