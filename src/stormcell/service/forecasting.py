"""What every method forecasts from the newest scan, and the fields of it that are published."""

import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from stormcell.errors import StormcellError
from stormcell.frames import step_of
from stormcell.methods import Method
from stormcell.products.ensemble.dataset import ensemble_products
from stormcell.service.database import PublishedForecast
from stormcell.service.fields import FieldStore
from stormcell.service.settings import ServiceSettings
from stormcell.timeline import parse_lead_times
from stormcell.verification.score import point_forecast

__all__ = ["make_forecast_fields"]


def make_forecast_fields(
    name: str, method: Method, members: int, past: xr.DataArray, settings: ServiceSettings, store: FieldStore
) -> PublishedForecast:
    """Forecast from the newest scan of the archive, and write the fields; they are not published yet.

    The fields are `rain_rate` (lead_time, y, x), what deterministic scores look at; and of an ensemble `probability` (threshold, ...) and
    `rain_rate_quantile` (quantile, ...).

    Args:
        name: under which the forecast is published.
        method: that makes it.
        members: size of the ensemble.
        past: the newest scans.
        settings: lead time, thresholds, quantiles.
        store: of the fields.

    Returns:
        what is to be published.

    Raises:
        StormcellError: the method cannot forecast from these scans, or the fields cannot be written.
    """
    start = time.perf_counter()
    reference = past["time"].values[-1]
    lead_times = parse_lead_times(settings.lead, step_of(past))
    seed = int(np.random.SeedSequence([0, int(reference.astype("datetime64[s]").astype(np.int64))]).generate_state(1)[0])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            forecast = method(past, lead_times, members=members, seed=seed)
        except StormcellError:
            raise
        except Exception as error:  # a method may break in any way, and the others go on
            raise StormcellError(f"{name}: {type(error).__name__}: {error}") from error
    key = store.write(_fields(forecast, settings), kind="forecast")
    return PublishedForecast(
        method=name,
        reference_time=reference,
        key=key,
        published=np.datetime64(int(time.time()), "s"),
        members=forecast.sizes["member"],
        step=step_of(past),
        steps=lead_times.size,
        seconds=round(time.perf_counter() - start, 3),
        notes=_notes(forecast.attrs, [str(one.message) for one in said if issubclass(one.category, UserWarning)], past),
    )


def _fields(forecast: xr.DataArray, settings: ServiceSettings) -> xr.Dataset:
    fields = {"rain_rate": point_forecast(forecast)}
    if forecast.sizes["member"] > 1:
        products = ensemble_products(forecast, probability=settings.thresholds, quantiles=settings.quantiles)
        fields |= {"probability": products["probability"], "rain_rate_quantile": products["rainfall_rate_quantile"]}
    return xr.Dataset(fields)


def _notes(attrs: Mapping[str, Any], said: list[str], past: xr.DataArray) -> dict[str, Any]:
    """What a reader of the forecast should know: that another method stood in, that scans were missing, warnings."""
    notes: dict[str, Any] = {"fallback": str(attrs["fallback"])} if "fallback" in attrs else {}
    missing = int((~np.isfinite(past.values).any(axis=(1, 2))).sum())
    if missing:
        notes["scans_missing"] = missing
    if said:
        notes["warnings"] = list(dict.fromkeys(said))[:10]
    return notes
