"""What is published, in words and links."""

import numpy as np

from stormcell.service.answers import DataAge, ForecastAnswer, ScanAnswer
from stormcell.service.catalogue import Catalogue
from stormcell.service.database import PublishedForecast, PublishedScan
from stormcell.service.settings import ServiceSettings
from stormcell.service.web import utc

__all__ = ["age_of", "describe_forecast", "describe_scan"]


def age_of(catalogue: Catalogue, moment: np.datetime64) -> DataAge:
    """How old data of this time are."""
    return DataAge(time=utc(moment), age_minutes=catalogue.age_minutes(moment), stale=catalogue.is_stale(moment))


def describe_scan(one: PublishedScan, catalogue: Catalogue, base: str) -> ScanAnswer:
    """An observed field.

    Args:
        one: of them.
        catalogue: tells its age.
        base: address of the service.
    """
    return ScanAnswer(key=one.key, data=age_of(catalogue, one.time), links=_links(one.key, base))


def describe_forecast(one: PublishedForecast, catalogue: Catalogue, settings: ServiceSettings, base: str) -> ForecastAnswer:
    """A forecast.

    Args:
        one: of them.
        catalogue: tells its age.
        settings: of the service, with what is published of ensembles.
        base: address of the service.
    """
    ensemble = one.members > 1
    geotiff = f"{base}/v1/fields/{one.key}/geotiff?step={{step}}"
    return ForecastAnswer(
        key=one.key,
        method=one.method,
        data=age_of(catalogue, one.reference_time),
        published=utc(one.published),
        lead_minutes=[float(lead / np.timedelta64(1, "s")) / 60 for lead in one.lead_times],
        valid_until=utc(one.reference_time + one.lead_times[-1]),
        members=one.members,
        seconds=one.seconds,
        thresholds=list(settings.thresholds) if ensemble else [],
        quantiles=list(settings.quantiles) if ensemble else [],
        notes=dict(one.notes),
        links={**_links(one.key, base), "geotiff": geotiff},
    )


def _links(key: str, base: str) -> dict[str, str]:
    return {
        "netcdf": f"{base}/v1/fields/{key}/netcdf",
        "tilejson": f"{base}/v1/fields/{key}/tiles.json",
        "tiles": f"{base}/v1/tiles/{key}/rain_rate/{{step}}/{{z}}/{{x}}/{{y}}.png",
    }
