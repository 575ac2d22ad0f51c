"""How good the forecasts of the last hours were."""

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from stormcell.service.live_scores import REFERENCE, live_scores
from stormcell.service.problems import PROBLEMS
from stormcell.service.web import TheWeb, Web, answer, utc

__all__ = ["ROUTER"]

ROUTER = APIRouter(prefix="/v1", tags=["scores"], responses=PROBLEMS)

_MOST_HOURS = 24 * 7


class Scored(BaseModel):
    """One score of one method, by lead time."""

    method: str
    score: str
    threshold: float | None = Field(description="of the event [mm/h]; null for scores of the rain rate")
    lead_minutes: list[float]
    values: list[float | None]
    fields: list[int] = Field(description="how many fields stand behind each value")


class Scores(BaseModel):
    """Scores over valid times of the last hours."""

    since: str
    until: str
    reference: str = Field(description="the method that the others are set beside")
    scores: list[Scored]


@ROUTER.get("/scores", response_model=Scores)
async def scores(
    request: Request,
    web: TheWeb,
    hours: Annotated[int, Query(ge=1, le=_MOST_HOURS, description="before the newest scan")] = 24,
    family: Annotated[Literal["contingency", "continuous"], Query(description="scores of events, or of the rain rate")] = "contingency",
) -> Response:
    """How good the forecasts were whose time has come: every method by lead time, on the pixels that all of them and the radar know."""
    published = await web.published()
    until = published.scans[-1].time if published.scans else web.catalogue.now()
    token = (family, hours, until)
    body = web.answers.peek(token)
    if body is None:
        body = await web.long_work(lambda: web.answers.get(token, lambda: _scores(web, family, hours, until)))
    return answer(request, body, cache=f"{web.visibility}, max-age=30")


def _scores(web: Web, family: str, hours: int, until: np.datetime64) -> bytes:
    since = until - np.timedelta64(hours, "h")
    values = live_scores(web.database, family, web.settings.thresholds, since=since, until=until)
    leads = [float(lead / np.timedelta64(1, "s")) / 60 for lead in values["lead_time"].values]
    found = []
    for name in sorted(str(name) for name in values.data_vars if name != "fields"):
        for method in values["method"].values:
            rows = values[name].sel({"method": method})
            extra = [dim for dim in rows.dims if dim != "lead_time"]
            if extra not in ([], ["threshold"]):
                continue
            several = [rows.sel(threshold=one) for one in rows["threshold"].values] if extra else [rows]
            found += [
                Scored(
                    method=str(method),
                    score=name,
                    threshold=round(float(row["threshold"]), 6) if extra else None,
                    lead_minutes=leads,
                    values=[round(float(value), 5) if np.isfinite(value) else None for value in row.values],
                    fields=[int(count) for count in values["fields"].sel({"method": method}).values],
                )
                for row in several
            ]
    body = Scores(since=f"{utc(since):%Y-%m-%dT%H:%M:%SZ}", until=f"{utc(until):%Y-%m-%dT%H:%M:%SZ}", reference=REFERENCE, scores=found)
    return body.model_dump_json().encode()
