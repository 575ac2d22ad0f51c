"""A service that has published a storm: scans, a forecast, an ensemble; without running a method."""

from pathlib import Path

import numpy as np
import xarray as xr

from stormcell.data.synthetic import synthetic_storm
from stormcell.frames import make_forecast
from stormcell.service.database import Database, PublishedForecast, PublishedScan
from stormcell.service.fields import FieldStore
from stormcell.service.forecasting import make_forecast_fields
from stormcell.service.settings import MethodSettings, ServiceSettings, read_settings

SCANS, LEADS = 6, 4
SHAPE = (64, 72)
STORM = synthetic_storm(SCANS + LEADS, shape=SHAPE, seed=1)
REFERENCE = STORM["time"].values[SCANS - 1].astype("datetime64[s]")
NOW = float(REFERENCE.astype(np.int64)) + 130  # two minutes after the last scan
CENTRE = {"lat": 55.2, "lon": 9.8}


def settings_at(folder: Path, **more: object) -> ServiceSettings:
    """Settings of a service that makes two forecasts, one of them an ensemble."""
    methods = (MethodSettings(name="advection"), MethodSettings(name="steps", members=5))
    given = {"requests_per_second": 0.0, **more}
    return read_settings(environment={}, watch=folder / "inbox", folder=folder / "live", methods=methods, lead="20min", **given)


def perfect(past: xr.DataArray, lead_times: np.ndarray, *, members: int = 1, seed: int = 0) -> xr.DataArray:
    """The storm as it goes on, and members around it."""
    after = int(np.flatnonzero(STORM["time"].values == past["time"].values[-1])[0]) + 1
    truth = STORM.values[after : after + lead_times.size]
    factors = np.linspace(0.5, 1.5, members) if members > 1 else np.ones(1)
    return make_forecast(truth[np.newaxis] * factors[:, None, None, None].astype(np.float32), past, lead_times, method="perfect")


def publish_scan(settings: ServiceSettings, number: int) -> PublishedScan:
    """One more scan."""
    store, database = FieldStore(settings.fields_address), Database(settings.database_address)
    scan = PublishedScan(
        STORM["time"].values[number].astype("datetime64[s]"), store.write(STORM[number].to_dataset(name="rain_rate"), kind="observed")
    )
    database.publish_scan(scan)
    database.close()
    return scan


def publish_forecasts(settings: ServiceSettings, newest: int) -> list[PublishedForecast]:
    """Forecasts of all methods from a scan."""
    store, database = FieldStore(settings.fields_address), Database(settings.database_address)
    past = STORM[: newest + 1]
    made = [make_forecast_fields(one.name, perfect, one.members, past, settings, store) for one in settings.methods]
    database.publish_forecasts(made)
    database.close()
    return made


def publish_storm(settings: ServiceSettings) -> ServiceSettings:
    """Everything up to the reference time."""
    for number in range(SCANS):
        publish_scan(settings, number)
    publish_forecasts(settings, SCANS - 1)
    return settings
