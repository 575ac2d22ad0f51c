"""Map tiles of a published field."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from stormcell.products.colours import RainTable
from stormcell.service.database import PublishedForecast, PublishedScan
from stormcell.service.mercator import MAX_ZOOM, frame_of_tile, native_zoom
from stormcell.service.problems import PROBLEMS, Problem
from stormcell.service.tiles import ImageFormat, Tile, Unseen
from stormcell.service.web import TheWeb, Web, answer, matches

__all__ = ["FOREVER", "ROUTER", "TILE_RESPONSES", "Table", "tile_answer"]

ROUTER = APIRouter(prefix="/v1", tags=["maps"], responses=PROBLEMS)

FOREVER = "max-age=31536000, immutable"
"""What is published under a key never changes."""

_IMAGE = {"schema": {"type": "string", "format": "binary"}}
TILE_RESPONSES: dict[int | str, dict[str, Any]] = {200: {"description": "an image", "content": {"image/png": _IMAGE, "image/webp": _IMAGE}}}

Quantity = Annotated[Literal["rain_rate", "probability"], Path()]
Step = Annotated[int, Path(ge=0, le=10_000, description="number of the lead time, from 1 on; 0 of a scan")]
Zoom = Annotated[int, Path(ge=0, le=MAX_ZOOM)]
Number = Annotated[int, Path(ge=0, lt=2**MAX_ZOOM)]
Threshold = Annotated[float | None, Query(ge=0, le=1000, allow_inf_nan=False, description="of a probability [mm/h]; the first if left out")]
Table = Annotated[RainTable, Query(description="the colours of rain; probabilities have their own")]
Size = Annotated[Literal["256", "512"], Query(description="pixels along a side")]


class TileJson(BaseModel):
    """TileJSON 3.0."""

    tilejson: Literal["3.0.0"] = "3.0.0"
    name: str
    description: str
    scheme: Literal["xyz"] = "xyz"
    tiles: list[str]
    minzoom: int
    maxzoom: int
    bounds: list[float]
    attribution: str | None = None


@ROUTER.get("/tiles/{key}/{quantity}/{step}/{z}/{x}/{y}.{form}", response_class=Response, responses=TILE_RESPONSES)
async def tile(
    request: Request,
    web: TheWeb,
    key: str,
    quantity: Quantity,
    step: Step,
    z: Zoom,
    x: Number,
    y: Number,
    form: ImageFormat,
    threshold: Threshold = None,
    size: Size = "256",
    unseen: Annotated[Unseen, Query(description="a faint grey tone, or nothing, where it is not known whether it rains")] = "tone",
    table: Table = "stormcell",
) -> Response:
    """A tile of a web map (Web Mercator, XYZ). Dry is transparent."""
    if x >= 2**z or y >= 2**z:
        raise Problem(404, f"At zoom {z} there are {2**z} x {2**z} tiles.")
    one = await web.found(key)
    index = await plane_of(web, one, quantity, step, threshold)
    return await tile_answer(request, web, Tile(one.key, quantity, index, frame_of_tile(z, x, y, int(size)), form, unseen, table))


@ROUTER.get("/fields/{key}/tiles.json", response_model=TileJson)
async def tile_json(
    request: Request,
    web: TheWeb,
    key: str,
    quantity: Annotated[Literal["rain_rate", "probability"], Query()] = "rain_rate",
    step: Annotated[int, Query(ge=0, le=10_000, description="number of the lead time, from 1 on; 0 of a scan")] = 0,
    threshold: Threshold = None,
    size: Size = "256",
    form: Annotated[ImageFormat, Query(alias="format")] = "png",
    table: Table = "stormcell",
) -> Response:
    """Where the tiles of a field are, for map libraries. Of a forecast, step 0 means the first lead time."""
    one = await web.found(key)
    if isinstance(one, PublishedForecast):
        step = max(1, step)
    await plane_of(web, one, quantity, step, threshold)
    field = await web.work(lambda: web.fields.field(one.key))
    west, south, east, north = field.grid.lonlat_box
    chosen = ("" if threshold is None else f"&threshold={threshold:g}") + ("" if table == "stormcell" else f"&table={table}")
    body = TileJson(
        name=f"{quantity} {one.method}, lead time {step}" if isinstance(one, PublishedForecast) else quantity,
        description="rain rate [mm/h]" if quantity == "rain_rate" else "probability that it rains at least so much",
        tiles=[f"{web.base(request)}/v1/tiles/{one.key}/{quantity}/{step}/{{z}}/{{x}}/{{y}}.{form}?size={size}{chosen}"],
        minzoom=0,
        maxzoom=native_zoom(field.grid) + 1,
        bounds=[round(west, 5), round(max(south, -85.05112), 5), round(east, 5), round(min(north, 85.05112), 5)],
        attribution=next((str(field.attrs[name]) for name in ("attribution", "source") if field.attrs.get(name)), None),
    )
    return answer(request, body)


async def plane_of(web: Web, one: PublishedScan | PublishedForecast, quantity: str, step: int, threshold: float | None) -> tuple[int, ...]:
    """Where a plane lies in its variable.

    Raises:
        Problem: there is no such lead time, or no such probability.
    """
    if isinstance(one, PublishedScan):
        if quantity != "rain_rate" or step != 0:
            raise Problem(404, "A scan has rain_rate, and step 0.")
        return ()
    if not 1 <= step <= one.steps:
        raise Problem(404, f"This forecast has the steps 1 to {one.steps}.")
    if quantity == "rain_rate":
        return (step - 1,)
    field = await web.work(lambda: web.fields.field(one.key))
    chosen = field.thresholds[0] if threshold is None and field.thresholds else threshold
    if chosen not in field.thresholds:
        known = ", ".join(f"{one:g}" for one in field.thresholds) or "none: it is no ensemble"
        raise Problem(404, f"The thresholds of this forecast are: {known}.")
    return field.thresholds.index(chosen), step - 1


async def tile_answer(request: Request, web: Web, tile: Tile, cache: str = FOREVER) -> Response:
    """The image of a tile, or 304."""
    tag = f"{tile.key}-{hash_of(tile)}"
    cache = f"{web.visibility}, {cache}"
    if matches(request, f'W/"{tag}"'):
        return Response(status_code=304, headers={"ETag": f'W/"{tag}"', "Cache-Control": cache})
    image = web.tiles.kept(tile)
    if image is None:
        image = await web.work(lambda: web.tiles.image(tile))
    return answer(request, image, tag=tag, cache=cache, media_type=f"image/{tile.form}")


def hash_of(tile: Tile) -> str:
    """What tells a tile from others of the same field, the same in every process."""
    frame = tile.frame
    return "-".join(
        [
            tile.variable,
            *map(str, tile.index),
            f"{frame.west:.3f}",
            f"{frame.north:.3f}",
            f"{frame.side:.3f}",
            str(frame.size),
            tile.form,
            tile.palette,
            tile.table,
        ]
    )
