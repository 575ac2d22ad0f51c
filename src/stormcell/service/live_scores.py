"""How good the forecasts of the last hours were: each is scored, beside persistence, when the scan of its valid time is there."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.archive import Archive
from stormcell.frames import make_forecast, make_frames
from stormcell.grid import Grid
from stormcell.methods import Persistence
from stormcell.service.database import Database, PublishedForecast
from stormcell.service.fields import FieldStore
from stormcell.timeline import minutes
from stormcell.verification import Contingency, Continuous, Score
from stormcell.verification.score import common_mask

__all__ = ["REFERENCE", "live_scores", "score_what_came_true", "scores_of"]

REFERENCE = "persistence"
"""What every forecast is set beside."""

Row = tuple[str, np.datetime64, np.timedelta64, str, NDArray[np.float64]]


def scores_of(thresholds: Sequence[float]) -> dict[str, Score]:
    """The scores that a service keeps: small sums, so that months of them fit."""
    return {"contingency": Contingency(tuple(thresholds)), "continuous": Continuous()}


def score_what_came_true(
    archive: Archive, database: Database, store: FieldStore, thresholds: Sequence[float], *, since: np.datetime64
) -> int:
    """Score every published forecast field whose valid time has a scan, and that has no score yet.

    All methods from one scan are scored on the pixels that all of them, persistence and the radar know, as `stormcell verify` does it.

    Args:
        archive: with the scans.
        database: of forecasts and scores.
        store: of the forecast fields.
        thresholds: of the events [mm h-1].
        since: reference times before it are left alone.

    Returns:
        how many fields were scored.
    """
    present = {time.astype("datetime64[s]") for time in archive.axis[archive.present]}
    scored = database.scored(since)
    count = 0
    for reference, group in groupby(database.forecasts(since=since), key=lambda one: one.reference_time):
        forecasts = list(group)
        leads = sorted({lead for one in forecasts for lead in one.lead_times})
        for lead in leads:
            if reference + lead in present and (reference, lead) not in scored:
                rows = list(_rows(reference, lead, forecasts, archive, store, thresholds))
                database.add_scores(rows)
                count += len({row[0] for row in rows}) - 1
    return count


def _rows(
    reference: np.datetime64,
    lead: np.timedelta64,
    forecasts: Sequence[PublishedForecast],
    archive: Archive,
    store: FieldStore,
    thresholds: Sequence[float],
) -> Iterator[Row]:
    """The sums of all methods over one field each."""
    past = archive.between(reference, reference)
    leads = np.array([lead])
    valid_time = reference + lead
    fields = {REFERENCE: Persistence()(past, leads)}
    for one in forecasts:
        if lead in one.lead_times and one.method != REFERENCE:
            rain_rate = store.read(one.key)["rain_rate"].sel(lead_time=lead).values
            fields[one.method] = make_forecast(rain_rate[np.newaxis, np.newaxis], past, leads, method=one.method)
    observed = archive.between(valid_time, valid_time).rename(time="lead_time").assign_coords(lead_time=leads)
    valid = common_mask(observed, fields.values())
    for name, score in scores_of(thresholds).items():
        for method, forecast in fields.items():
            yield method, reference, lead, name, score.sums(forecast, observed, valid).values


def live_scores(
    database: Database, score: str, thresholds: Sequence[float], *, since: np.datetime64, until: np.datetime64 | None = None
) -> xr.Dataset:
    """Scores of every method by lead time, over the valid times from `since` on.

    Args:
        database: with the sums.
        score: "contingency" or "continuous".
        thresholds: of the events, as they were when the sums were made [mm h-1].
        since: first valid time.
        until: last valid time; None for all.

    Returns:
        (method, lead_time, ...) what the score's `value` gives, and `fields` (method, lead_time): how many fields stand behind each.
    """
    template = _template(score, tuple(thresholds))
    totals: dict[tuple[str, np.timedelta64], NDArray[np.float64]] = {}
    counts: dict[tuple[str, np.timedelta64], int] = {}
    for method, reference, lead, sums in database.sums(score, since=since):
        if sums.size == template.size and (until is None or reference + lead <= until):  # others were made with other thresholds
            key = method, lead
            totals[key] = totals.get(key, 0.0) + sums
            counts[key] = counts.get(key, 0) + 1
    methods, leads = sorted({key[0] for key in totals}), sorted({key[1] for key in totals})
    shape = (len(methods), len(leads), *template.shape[1:])
    values, fields = np.zeros(shape), np.zeros(shape[:2], np.int64)
    for (method, lead), sums in totals.items():
        place = methods.index(method), leads.index(lead)
        values[place], fields[place] = sums.reshape(template.shape[1:]), counts[method, lead]
    coords = {"method": methods, "lead_time": np.array(leads, "timedelta64[s]").astype("timedelta64[ns]")}
    rest = {name: template[name] for name in template.dims[1:]}
    sums_of_all = xr.DataArray(values, dims=("method", "lead_time", *template.dims[1:]), coords={**coords, **rest})
    return scores_of(thresholds)[score].value(sums_of_all).assign(fields=(("method", "lead_time"), fields))


@cache
def _template(score: str, thresholds: tuple[float, ...]) -> xr.DataArray:
    """Sums over nothing, for their shape."""
    from pyproj import CRS

    grid = Grid(CRS.from_epsg(3857), np.arange(2.0), -np.arange(2.0))
    past = make_frames(np.zeros((1, 2, 2)), np.array(["2000-01-01"], "datetime64[ns]"), grid)
    leads = minutes(5, 5, step=5)
    observed = past.rename(time="lead_time").assign_coords(lead_time=leads)
    return scores_of(thresholds)[score].sums(Persistence()(past, leads), observed, observed.notnull())
