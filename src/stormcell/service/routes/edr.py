"""OGC API - Environmental Data Retrieval: landing page, collections, and the queries position, area and cube."""

import json
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from stormcell.data.cut_out import parse_bbox
from stormcell.service.catalogue import Published
from stormcell.service.describe import age_of
from stormcell.service.edr import OBSERVED, Selection, area, collection_ids, cube, parameters_of, position, select
from stormcell.service.problems import PROBLEMS, Problem
from stormcell.service.web import TheWeb, Web, answer, utc
from stormcell.service.wkt import LONGEST, parse_point, parse_polygon

__all__ = ["COVERAGE", "Id", "ROUTER", "When", "coverage_answer"]

ROUTER = APIRouter(prefix="/v1/edr", tags=["OGC API - EDR"], responses=PROBLEMS)

COVERAGES = ("core", "fieldselection", "netcdf", "geotiff", "coveragejson")
CONFORMANCE = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/core",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/collections",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/instances",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/json",
    "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/covjson",
    *(f"http://www.opengis.net/spec/ogcapi-coverages-1/1.0/conf/{name}" for name in COVERAGES),
]
QUERIES = ("position", "area", "cube")
COVERAGE = "application/vnd.cov+json"
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"

_SEVERAL = 24  # fields, of which one question opens more take longer

Id = Annotated[str, Path(max_length=310, description="of a collection")]
Instance = Annotated[str, Path(pattern=r"^[0-9]{8}T[0-9]{6}Z$", description="time of the newest scan behind a forecast, 20240701T120000Z")]
When = Annotated[str | None, Query(alias="datetime", max_length=80, description="a time, or an interval: 2024-07-01T12:00:00Z/..")]
Names = Annotated[
    str | None, Query(alias="parameter-name", max_length=1000, description="some of the parameters, with commas; all if left out")
]
Format = Annotated[Literal["CoverageJSON"], Query(alias="f")]
Crs = Annotated[Literal["CRS84", "OGC:CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"], Query()]
Point = Annotated[
    str, Query(max_length=100, description="POINT(longitude latitude)", openapi_examples={"point": {"value": "POINT(8.5 47.4)"}})
]
Polygon = Annotated[str, Query(max_length=LONGEST, description="POLYGON((longitude latitude, ...))")]
Box = Annotated[str, Query(max_length=200, pattern=r"^-?[0-9.]+(,-?[0-9.]+){3}$", description="west,south,east,north [degrees]")]


class Link(BaseModel):
    """Where something is."""

    href: str
    rel: str
    type: str
    title: str | None = None


class Landing(BaseModel):
    """The landing page."""

    title: str
    description: str
    links: list[Link]


class Conformance(BaseModel):
    """What is kept of the standards."""

    conformsTo: list[str]


class Collection(BaseModel):
    """A collection, or an instance of one."""

    id: str
    title: str
    description: str
    links: list[Link]
    extent: dict[str, Any]
    data_queries: dict[str, Any]
    crs: list[str]
    output_formats: list[str]
    parameter_names: dict[str, Any]


class Collections(BaseModel):
    """The collections."""

    links: list[Link]
    collections: list[Collection]


class Instances(BaseModel):
    """The instances of a collection."""

    links: list[Link]
    instances: list[Collection]


_COVERAGE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"description": "CoverageJSON", "content": {COVERAGE: {"schema": {"type": "object", "required": ["type", "domain", "ranges"]}}}}
}


@ROUTER.get("", response_model=Landing)
async def landing(request: Request, web: TheWeb) -> Landing:
    """Where to begin."""
    base = web.base(request)
    return Landing(
        title="stormcell",
        description="Rain rate from weather radar, and forecasts of the next minutes.",
        links=[
            Link(href=f"{base}/v1/edr", rel="self", type="application/json"),
            Link(href=f"{base}/v1/openapi.json", rel="service-desc", type="application/vnd.oai.openapi+json;version=3.1"),
            Link(href=f"{base}/v1/edr/conformance", rel="conformance", type="application/json"),
            Link(href=f"{base}/v1/edr/collections", rel="data", type="application/json"),
        ],
    )


@ROUTER.get("/conformance", response_model=Conformance)
async def conformance() -> Conformance:
    """What is kept of the standards."""
    return Conformance(conformsTo=CONFORMANCE)


@ROUTER.get("/collections", response_model=Collections)
async def collections(request: Request, web: TheWeb) -> Response:
    """The scans, and the newest forecast of each method."""
    published, base = await web.published(), web.base(request)
    found = await web.work(lambda: [_collection(web, published, base, one, None) for one in collection_ids(published)])
    links = [Link(href=f"{base}/v1/edr/collections", rel="self", type="application/json")]
    return answer(request, Collections(links=links, collections=found))


@ROUTER.get("/collections/{collection}", response_model=Collection)
async def collection(request: Request, web: TheWeb, collection: Id) -> Response:
    """One collection."""
    published = await web.published()
    return answer(request, await web.work(lambda: _collection(web, published, web.base(request), collection, None)))


@ROUTER.get("/collections/{collection}/instances", response_model=Instances)
async def instances(request: Request, web: TheWeb, collection: Id) -> Response:
    """The newest forecasts of a method, by the time of the newest scan behind each."""
    published, base = await web.published(), web.base(request)
    select(published, collection, None, None)
    found = [one for one in published.forecasts if f"forecast-{one.method}" == collection][:100]
    if not found:
        raise Problem(404, "The scans have no instances.")
    names = [f"{utc(one.reference_time):%Y%m%dT%H%M%SZ}" for one in found]
    described = await web.work(lambda: [_collection(web, published, base, collection, name) for name in names])
    links = [Link(href=f"{base}/v1/edr/collections/{collection}/instances", rel="self", type="application/json")]
    return answer(request, Instances(links=links, instances=described))


@ROUTER.get("/collections/{collection}/instances/{instance}", response_model=Collection)
async def one_instance(request: Request, web: TheWeb, collection: Id, instance: Instance) -> Response:
    """One forecast of a method."""
    published = await web.published()
    return answer(request, await web.work(lambda: _collection(web, published, web.base(request), collection, instance)))


class Question(NamedTuple):
    """What every query may say beside its place."""

    moment: str | None
    names: str | None


def question(datetime: When = None, names: Names = None, crs: Crs = "CRS84", f: Format = "CoverageJSON") -> Question:
    """Times and parameters; the projection and the format can only be the one there is."""
    return Question(datetime, names)


Asked = Annotated[Question, Depends(question)]


@ROUTER.get("/collections/{collection}/position", response_class=Response, responses=_COVERAGE_RESPONSE)
async def position_query(
    request: Request,
    web: TheWeb,
    collection: Id,
    coords: Point,
    asked: Asked,
) -> Response:
    """A series at a place."""
    return await _position(request, web, select(await web.published(), collection, None, asked.moment), asked.names, coords)


@ROUTER.get("/collections/{collection}/area", response_class=Response, responses=_COVERAGE_RESPONSE)
async def area_query(
    request: Request,
    web: TheWeb,
    collection: Id,
    coords: Polygon,
    asked: Asked,
) -> Response:
    """The fields in a polygon."""
    return await _area(request, web, select(await web.published(), collection, None, asked.moment), asked.names, coords)


@ROUTER.get("/collections/{collection}/cube", response_class=Response, responses=_COVERAGE_RESPONSE)
async def cube_query(
    request: Request,
    web: TheWeb,
    collection: Id,
    bbox: Box,
    asked: Asked,
) -> Response:
    """The fields in a box."""
    return await _cube(request, web, select(await web.published(), collection, None, asked.moment), asked.names, bbox)


@ROUTER.get("/collections/{collection}/instances/{instance}/position", response_class=Response, responses=_COVERAGE_RESPONSE)
async def instance_position(
    request: Request,
    web: TheWeb,
    collection: Id,
    instance: Instance,
    coords: Point,
    asked: Asked,
) -> Response:
    """A series at a place, of one forecast."""
    return await _position(request, web, select(await web.published(), collection, instance, asked.moment), asked.names, coords)


@ROUTER.get("/collections/{collection}/instances/{instance}/area", response_class=Response, responses=_COVERAGE_RESPONSE)
async def instance_area(
    request: Request,
    web: TheWeb,
    collection: Id,
    instance: Instance,
    coords: Polygon,
    asked: Asked,
) -> Response:
    """The fields in a polygon, of one forecast."""
    return await _area(request, web, select(await web.published(), collection, instance, asked.moment), asked.names, coords)


@ROUTER.get("/collections/{collection}/instances/{instance}/cube", response_class=Response, responses=_COVERAGE_RESPONSE)
async def instance_cube(
    request: Request,
    web: TheWeb,
    collection: Id,
    instance: Instance,
    bbox: Box,
    asked: Asked,
) -> Response:
    """The fields in a box, of one forecast."""
    return await _cube(request, web, select(await web.published(), collection, instance, asked.moment), asked.names, bbox)


async def _position(request: Request, web: Web, selection: Selection, names: str | None, coords: str) -> Response:
    lon, lat = parse_point(coords)
    many = len({plane.key for plane in selection.planes}) > _SEVERAL
    body, reason = await (web.long_work if many else web.work)(lambda: position(web.fields, selection, names, lon, lat))
    return coverage_answer(request, web, selection, body, reason)


async def _area(request: Request, web: Web, selection: Selection, names: str | None, coords: str) -> Response:
    rings = parse_polygon(coords)
    return coverage_answer(request, web, selection, await web.long_work(lambda: area(web.fields, selection, names, rings)))


async def _cube(request: Request, web: Web, selection: Selection, names: str | None, bbox: str) -> Response:
    box = parse_bbox(bbox)
    return coverage_answer(request, web, selection, await web.long_work(lambda: cube(web.fields, selection, names, box)))


def coverage_answer(request: Request, web: Web, selection: Selection, body: dict[str, Any], reason: str | None = None) -> Response:
    """With the age of the data, which CoverageJSON has no word for."""
    age = age_of(web.catalogue, selection.newest).model_dump(mode="json")
    content = json.dumps({**body, "stormcell": {"data": age, "reason": reason}}, allow_nan=False, separators=(",", ":")).encode()
    return answer(request, content, media_type=COVERAGE)


def _collection(web: Web, published: Published, base: str, collection: str, instance: str | None) -> Collection:
    selection = select(published, collection, instance, None)
    field = web.fields.field(selection.planes[0].key)
    times = [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in selection.times]
    first = f"{utc(published.scans[0].time):%Y-%m-%dT%H:%M:%SZ}" if collection == OBSERVED else times[0]
    here = f"{base}/v1/edr/collections/{collection}" + ("" if instance is None else f"/instances/{instance}")
    age = age_of(web.catalogue, selection.newest)
    what = "Rain rate from weather radar" if collection == OBSERVED else f"Forecast by the method {collection.removeprefix('forecast-')}"
    return Collection(
        id=instance or collection,
        title=what,
        description=f"{what}. Newest scan {age.time:%Y-%m-%dT%H:%M:%SZ}, {age.age_minutes} minutes ago{'; stale' if age.stale else ''}.",
        links=[
            Link(href=here, rel="self", type="application/json"),
            *(Link(href=f"{here}/{name}", rel="data", type=COVERAGE, title=name) for name in QUERIES),
            *([] if instance else _coverage_links(here)),
        ],
        extent={
            "spatial": {"bbox": [[round(edge, 5) for edge in field.grid.lonlat_box]], "crs": _CRS84},
            "temporal": {"interval": [[first, times[-1]]], "values": times, "trs": "Gregorian"},
        },
        data_queries={name: {"link": _query_link(here, name)} for name in QUERIES}
        | ({} if collection == OBSERVED or instance else {"instances": {"link": _query_link(here, "instances")}}),
        crs=["CRS84"],
        output_formats=["CoverageJSON"],
        parameter_names={name: one[0].as_json() for name, one in parameters_of(field).items()},
    )


def _coverage_links(here: str) -> list[Link]:
    """Those of OGC API - Coverages."""
    relation = "http://www.opengis.net/def/rel/ogc/1.0"
    formats = (("netcdf", "application/x-netcdf"), ("geotiff", "image/tiff; application=geotiff"), ("coveragejson", COVERAGE))
    return [
        Link(href=f"{here}/schema", rel=f"{relation}/schema", type="application/schema+json"),
        *(Link(href=f"{here}/coverage?f={name}", rel=f"{relation}/coverage", type=media, title=name) for name, media in formats),
    ]


def _query_link(here: str, name: str) -> dict[str, Any]:
    formats = {"output_formats": ["CoverageJSON"], "default_output_format": "CoverageJSON"}
    return {
        "href": f"{here}/{name}",
        "rel": "data",
        "variables": {"title": name, "query_type": name, **({} if name == "instances" else formats)},
    }
