"""Is the service up, has it something to say, and how does it fare?"""

from typing import Literal

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from stormcell.service.answers import DataAge
from stormcell.service.describe import age_of
from stormcell.service.metrics import Gauge
from stormcell.service.problems import PROBLEMS, Problem
from stormcell.service.web import TheWeb, Web

__all__ = ["ROUTER"]

ROUTER = APIRouter(tags=["operation"], responses=PROBLEMS)


class Health(BaseModel):
    """The process answers."""

    status: Literal["up"] = "up"


class Ready(BaseModel):
    """The service has a forecast that is fresh."""

    status: Literal["ready"] = "ready"
    data: DataAge


@ROUTER.get("/health")
async def health() -> Health:
    """Does the process answer? It says nothing about data."""
    return Health()


@ROUTER.get("/ready")
async def ready(web: TheWeb) -> Ready:
    """Is there a forecast that is fresh? 503 if there is none, or the newest is stale."""
    newest = await web.newest(None)
    data = age_of(web.catalogue, newest.reference_time)
    if data.stale:
        raise Problem(503, f"Stale: the newest forecast knows nothing after {data.time:%Y-%m-%dT%H:%M:%SZ}.", retry_after=60)
    return Ready(data=data)


@ROUTER.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
async def metrics(web: TheWeb) -> Response:
    """Counts and ages in the text format of Prometheus."""
    published = await web.catalogue.current()
    cycles = await web.work(lambda: web.database.cycles(limit=1))
    scan, cycle = published.newest_scan, cycles[0] if cycles else None
    ages = {one.method: _age(web, one.reference_time) for one in published.newest.values()}
    kept = {"fields": web.fields.arrays.bytes, "tiles": web.tiles.images.bytes, "places": web.tiles.places.bytes}
    text = web.metrics.text(
        [
            Gauge("stormcell_forecast_age_seconds", "Since the newest scan that the newest forecast of a method knows.", ages, "method"),
            Gauge("stormcell_scan_age_seconds", "Since the newest scan.", {"": _age(web, scan.time)} if scan else {}),
            Gauge("stormcell_forecasts", "Forecasts that are published.", {"": len(published.forecasts)}),
            Gauge("stormcell_cache_bytes", "What this process keeps.", kept, "kind"),
            Gauge("stormcell_event_clients", "Clients that listen to this process.", {"": web.events.listeners}),
            Gauge("stormcell_cycle_seconds", "How long the last cycle took.", {"": cycle["seconds"]} if cycle else {}),
            Gauge("stormcell_cycle_problem", "1 if the last cycle had one.", {"": cycle["problem"] is not None} if cycle else {}),
        ]
    )
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8", headers={"Cache-Control": "no-store"})


def _age(web: Web, moment: np.datetime64) -> float:
    return float((web.catalogue.now() - moment) / np.timedelta64(1, "s"))
