"""The JSON that the web service answers with."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stormcell.service.point import OutlookKind

__all__ = [
    "AreaForecast",
    "AreaQuestion",
    "ColourClass",
    "Colours",
    "DataAge",
    "Ensemble",
    "ForecastAnswer",
    "ForecastList",
    "PointForecast",
    "Polygon",
    "Probability",
    "Quantile",
    "Reason",
    "ScanAnswer",
    "ScanList",
    "Status",
]

Reason = Literal["outside_the_grid", "not_seen_by_the_radar", "forecast_is_over"]
Number = float | None
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="null")  # NaN and null are the same to who reads JSON


class DataAge(_Answer):
    """How old the data behind an answer are."""

    time: datetime = Field(description="of the newest scan that the answer knows, UTC")
    age_minutes: int = Field(description="since then, whole minutes")
    stale: bool = Field(description="too old to go by; the service has no newer data")


class ScanAnswer(_Answer):
    """An observed field."""

    key: str
    data: DataAge
    links: dict[str, str]


class ForecastAnswer(_Answer):
    """A published forecast."""

    key: str
    method: str
    data: DataAge
    published: datetime
    lead_minutes: list[float]
    valid_until: datetime
    members: int
    seconds: float = Field(description="it took to make")
    thresholds: list[float] = Field(description="of probabilities [mm/h]; none without an ensemble")
    quantiles: list[float]
    notes: dict[str, Any] = Field(description="what the method had to say: fallback, missing scans, warnings")
    links: dict[str, str]


class ScanList(_Answer):
    """Observed fields, newest first."""

    scans: list[ScanAnswer]


class ForecastList(_Answer):
    """Forecasts, newest first."""

    forecasts: list[ForecastAnswer]


class Status(_Answer):
    """What the service has, at a glance."""

    title: str
    version: str
    methods: list[str] = Field(description="that forecast; the first is the default")
    newest_scan: ScanAnswer | None
    newest_forecasts: list[ForecastAnswer]
    stale: bool = Field(description="nothing here is fresh enough to go by")
    attribution: str | None = Field(description="of the radar data")
    bounds: list[float] | None = Field(description="west, south, east, north of the grid [degrees]")
    links: dict[str, str]


class Quantile(_Answer):
    """A quantile of an ensemble at a place."""

    level: float
    rain_rate: list[Number] = Field(description="at each lead time [mm/h]")


class Probability(_Answer):
    """How likely it is, at a place, that it rains at least so much."""

    threshold: float = Field(description="rain rate [mm/h]")
    probability: list[Number] = Field(description="at each lead time, 0 to 1")


class Ensemble(_Answer):
    """What an ensemble says about a place."""

    method: str
    data: DataAge
    members: int
    times: list[datetime]
    quantiles: list[Quantile]
    probabilities: list[Probability]


class PointForecast(_Answer):
    """A forecast for one place."""

    lat: float
    lon: float
    method: str
    key: str
    data: DataAge
    unit: Literal["mm/h"] = "mm/h"
    rain_from: float = Field(description="rain rate from which on it counts as rain [mm/h]")
    reason: Reason | None = Field(description="why nothing is known for now; null if it is")
    outlook: OutlookKind = Field(
        description="rain starts; it rains and ends; dry, or rain, as far as is known; unknown for now; the forecast is over"
    )
    rain_rate: Number = Field(description="now [mm/h]; null if it is not known")
    starts_in_minutes: int | None = Field(description="0 if it rains; null if it does not rain within the known minutes")
    ends_in_minutes: int | None = Field(
        description="when the rain of now, or the first to come, is over; null if not within the known minutes"
    )
    known_minutes: int = Field(description="ahead of now that are known without a gap")
    times: list[datetime] = Field(description="every minute from the newest scan on")
    rain_rates: list[Number] = Field(description="at these times [mm/h], on straight lines between lead times; null where it is not known")
    ensemble: Ensemble | None


class Polygon(BaseModel):
    """A GeoJSON polygon (RFC 7946): closed rings of longitude and latitude [degrees]."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "Polygon", "coordinates": [[[7, 46], [8, 46], [8, 47], [7, 46]]]}]})

    type: Literal["Polygon"]
    coordinates: list[list[tuple[Longitude, Latitude]]] = Field(min_length=1, max_length=100)


class AreaQuestion(BaseModel):
    """A GeoJSON feature with a polygon."""

    type: Literal["Feature"]
    geometry: Polygon
    properties: dict[str, Any] | None = None


class AreaForecast(_Answer):
    """A forecast for an area."""

    method: str
    key: str
    data: DataAge
    unit: Literal["mm/h"] = "mm/h"
    reason: Reason | None = Field(description="why nothing is known; null if something is")
    pixels: int = Field(description="of the grid in the area")
    times: list[datetime] = Field(description="the newest scan, then the lead times")
    mean: list[Number] = Field(description="rain rate over the part that is known [mm/h]; null if none is")
    maximum: list[Number]
    raining_share: list[Number] = Field(description="of the known part that has rain")
    known_share: list[float] = Field(description="of the area; the rest was not seen by the radar")


class ColourClass(_Answer):
    """One class of a colour scale."""

    at_least: float | None = Field(description="lower bound; null for infinity")
    label: str
    colour: str


class Colours(_Answer):
    """A colour scale of the map tiles."""

    unit: str
    below: str
    classes: list[ColourClass]
    not_seen: str = Field(description="colour where it is not known whether it rains, #rrggbbaa")
