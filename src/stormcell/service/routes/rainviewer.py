"""Maps for clients that know the weather maps of RainViewer: the list of frames, and tiles under the paths it names."""

import math
import re
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.responses import Response

from stormcell.service.catalogue import Published
from stormcell.service.database import PublishedForecast
from stormcell.service.mercator import MAX_ZOOM, Frame, frame_around, frame_of_tile
from stormcell.service.problems import PROBLEMS, Problem
from stormcell.service.routes.tiles import FOREVER, TILE_RESPONSES, tile_answer
from stormcell.service.tiles import ImageFormat, Tile
from stormcell.service.web import TheWeb, Web, answer

__all__ = ["ROUTER"]

ROUTER = APIRouter(tags=["weather maps"], responses=PROBLEMS)

_PAST = np.timedelta64(2, "h")
_SOON = "max-age=30"

FrameId = Annotated[str, Path(max_length=100)]
Size = Annotated[Literal["256", "512"], Path()]
Zoom = Annotated[int, Path(ge=0, le=MAX_ZOOM)]
Place = Annotated[
    str, Path(max_length=20, pattern=r"^-?[0-9]+(\.[0-9]+)?$", description="number of a tile, or with a dot a place in degrees")
]
Colour = Annotated[int, Path(ge=0, le=255, description="any; maps have stormcell's own colours")]
Options = Annotated[str, Path(max_length=20, pattern=r"^[01](_[01])*$", description="any; pixels are as the radar has them")]


class MapFrame(BaseModel):
    """One picture: its time in seconds since 1970, and where its tiles are."""

    time: int
    path: str


class Radar(BaseModel):
    """Pictures of what was and what comes, oldest first."""

    past: list[MapFrame]
    nowcast: list[MapFrame]


class Satellite(BaseModel):
    """There are none."""

    infrared: list[MapFrame]


class WeatherMaps(BaseModel):
    """The list of frames."""

    version: Literal["2.0"] = "2.0"
    generated: int
    host: str
    radar: Radar
    satellite: Satellite


@ROUTER.get("/public/weather-maps.json", response_model=WeatherMaps)
async def weather_maps(request: Request, web: TheWeb) -> Response:
    """The scans of two hours, and the newest forecast."""
    published = await web.published()
    last = published.scans[-1].time if published.scans else published.forecasts[0].reference_time
    past = [MapFrame(time=_unix(one.time), path=f"/v2/radar/{one.key}") for one in published.scans if last - one.time <= _PAST]
    nowcast = []
    newest = _forecast(web, published)
    if newest is not None and not web.catalogue.is_stale(newest.reference_time):
        times = newest.reference_time + newest.lead_times
        nowcast = [MapFrame(time=_unix(time), path=f"/v2/radar/{newest.key}_{step}") for step, time in enumerate(times, start=1)]
    body = WeatherMaps(
        generated=_unix(newest.published if newest else last),
        host=web.base(request),
        radar=Radar(past=past, nowcast=nowcast),
        satellite=Satellite(infrared=[]),
    )
    return answer(request, body, cache=f"{web.visibility}, max-age=10")


@ROUTER.get("/v2/radar/{frame}/{size}/{z}/{x}/{y}/{color}/{options}.{form}", response_class=Response, responses=TILE_RESPONSES)
async def radar_tile(
    request: Request,
    web: TheWeb,
    frame: FrameId,
    size: Size,
    z: Zoom,
    x: Place,
    y: Place,
    color: Colour,
    options: Options,
    form: ImageFormat,
) -> Response:
    """A tile by its numbers, or around a latitude and longitude that are written with a dot.

    `frame` is as the list has it; "latest" is the newest scan, and a time in seconds since 1970 the scan or forecast of that time.
    """
    square = _square(z, x, y, int(size))
    key, index, forever = _named(web, await web.published(), frame)
    tile = Tile(key, "rain_rate", index, square, form, "transparent")
    return await tile_answer(request, web, tile, FOREVER if forever else _SOON)


@ROUTER.get("/v2/coverage/0/{size}/{z}/{x}/{y}/{color}/{options}.{form}", response_class=Response, responses=TILE_RESPONSES)
async def coverage_tile(
    request: Request, web: TheWeb, size: Size, z: Zoom, x: Place, y: Place, color: Colour, options: Options, form: ImageFormat
) -> Response:
    """Where the newest scan sees: transparent where it does, black where it does not."""
    square = _square(z, x, y, int(size))
    key, index, _ = _named(web, await web.published(), "latest")
    return await tile_answer(request, web, Tile(key, "rain_rate", index, square, form, "coverage"), _SOON)


def _square(z: int, x: str, y: str, size: int) -> Frame:
    if "." in x or "." in y:
        lat, lon = float(x), float(y)
        if not (abs(lat) <= 90 and abs(lon) <= 180):
            raise Problem(422, "A place has a latitude of -90 to 90 and a longitude of -180 to 180.")
        return frame_around(z, lat, lon, size)
    column, row = int(x), int(y)
    if not (0 <= column < 2**z and 0 <= row < 2**z):
        raise Problem(404, f"At zoom {z} there are {2**z} x {2**z} tiles.")
    return frame_of_tile(z, column, row, size)


def _named(web: Web, published: Published, frame: str) -> tuple[str, tuple[int, ...], bool]:
    """Key and plane of a frame, and whether it will always mean the same."""
    key, _, step = frame.partition("_")
    one = published.by_key.get(key)
    if one is not None and not step and not isinstance(one, PublishedForecast):
        return one.key, (), True
    if isinstance(one, PublishedForecast) and re.fullmatch(r"[1-9][0-9]{0,4}", step) and int(step) <= one.steps:
        return one.key, (int(step) - 1,), True
    if frame in ("latest", "0") and published.newest_scan is not None:
        return published.newest_scan.key, (), False
    if re.fullmatch(r"[0-9]{1,11}", frame):
        moment = np.datetime64(int(frame), "s")
        if (scan := published.scan_at.get(moment)) is not None:
            return scan.key, (), False
        newest = _forecast(web, published)
        if (
            newest is not None
            and (lead := (moment - newest.reference_time) / newest.step) >= 1
            and lead == math.floor(lead) <= newest.steps
        ):
            return newest.key, (int(lead) - 1,), False
    raise Problem(404, "There is no such frame, or no longer; /public/weather-maps.json lists those there are.")


def _forecast(web: Web, published: Published) -> PublishedForecast | None:
    names = (one.name for one in web.settings.methods)
    return next((published.newest[name] for name in names if name in published.newest), None)


def _unix(moment: np.datetime64) -> int:
    return int(moment.astype("datetime64[s]").astype(np.int64))
