"""What a live service may be told: a file of settings, with environment variables over it."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stormcell.data.cut_out import parse_bbox
from stormcell.errors import ConfigError

__all__ = ["MethodSettings", "ServiceSettings", "read_settings"]

PREFIX = "STORMCELL_SERVE_"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MethodSettings(_Strict):
    """One method that forecasts in every cycle.

    Args:
        name: as `stormcell nowcast --method` knows it.
        members: size of its ensemble; above 1 probabilities and quantiles are published too.
    """

    name: str
    members: int = Field(default=1, ge=1, le=200)


class ServiceSettings(_Strict):
    """Everything about a live service.

    Args:
        folder: of the service's state: archive, database and fields, unless these are elsewhere.
        watch: folder in which radar files appear; None if a source brings them.
        source: name of a live source; None for a watched folder. A web service alone needs neither.
        bbox: only this box of each scan is kept, "west,south,east,north" in degrees; all of it if None. Fixed by the first scans.
        methods: what forecasts, in this order; the first is what maps and points show unless they ask for another.
        lead: how far ahead.
        runtime: what networks run in, "torch", "onnxruntime" or "openvino", maybe with a precision, "openvino:int8"; if None, what is
            fastest without a loss of skill, see `stormcell.methods.in_runtime.in_fastest`. Methods without a network go their own way.
        database: address as SQLAlchemy has it, "postgresql+psycopg://..."; SQLite in `folder` if None.
        fields: folder or fsspec address ("s3://bucket/prefix") of the published fields; in `folder` if None.
        endpoint: of the object storage, where it is not the usual one.
        thresholds: rain rates of probabilities and live scores [mm h-1].
        quantiles: levels that are published of ensembles.
        poll_seconds: between two looks for new scans.
        settle_seconds: a file is read when it has not changed for so long.
        stale_minutes: a newest scan that is older than this makes answers say so.
        keep_hours: how long fields stay published.
        keep_gigabytes: how much of them at most; the oldest go first.
        decode_seconds, decode_megabytes: limits of the process that reads foreign files.
        public_url: address under which clients reach the service, for the links it gives; what each request says if None.
        cors_origins: web origins whose pages may ask, "*" for any.
        api_keys: keys that may ask, hashed by `stormcell.service.keys.hash_key`; anybody may if there is none.
        trusted_proxies: addresses whose word on the client's address is taken, "*" for any.
        requests_per_second, request_burst: of one client to one process of the web service; 0 per second for no limit.
        concurrency: requests at once in one process.
        event_clients: clients at once that one process tells of new forecasts.
        cache_megabytes: of fields, map tiles and their places that one process keeps.
    """

    folder: Path = Path("stormcell-live")
    watch: Path | None = None
    source: str | None = None
    bbox: str | None = None
    methods: tuple[MethodSettings, ...] = (MethodSettings(name="guided"), MethodSettings(name="advection"))
    lead: str = "120min"
    runtime: str | None = None
    database: str | None = None
    fields: str | None = None
    endpoint: str | None = None
    thresholds: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)
    poll_seconds: float = Field(default=1.0, gt=0)
    settle_seconds: float = Field(default=1.0, ge=0)
    stale_minutes: float = Field(default=20.0, gt=0)
    keep_hours: float = Field(default=48.0, gt=0)
    keep_gigabytes: float = Field(default=10.0, gt=0)
    decode_seconds: int = Field(default=60, ge=1)
    decode_megabytes: int = Field(default=4096, ge=256)
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")
    cors_origins: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    requests_per_second: float = Field(default=50.0, ge=0)
    request_burst: int = Field(default=500, ge=1)
    concurrency: int = Field(default=200, ge=1)
    event_clients: int = Field(default=200, ge=0)
    cache_megabytes: float = Field(default=512.0, gt=0)

    @model_validator(mode="after")
    def _names(self) -> "ServiceSettings":
        if self.watch is not None and self.source is not None:
            raise ValueError("expected either `watch`, a folder with radar files, or `source`, the name of a feed, not both")
        if self.bbox is not None:
            parse_bbox(self.bbox)
        names = [method.name for method in self.methods]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"methods: expected at least one, each once, got {names}")
        return self

    @property
    def archive_path(self) -> Path:
        """Where the scans are kept."""
        return self.folder / "archive.zarr"

    @property
    def database_address(self) -> str:
        """As SQLAlchemy has it."""
        return self.database or f"sqlite:///{self.folder.resolve() / 'service.sqlite'}"

    @property
    def fields_address(self) -> str:
        """Folder or fsspec address."""
        return self.fields or str(self.folder.resolve() / "fields")


def read_settings(file: Path | None = None, *, environment: Mapping[str, str] | None = None, **given: Any) -> ServiceSettings:
    """Settings from a TOML file, over them environment variables (STORMCELL_SERVE_LEAD=60min), over these what is given by name.

    Raises:
        ConfigError: the file cannot be read, or says what it may not; with the reason.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values |= tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{file}: expected a TOML file with the settings of a service ({error})") from error
    for name, text in (os.environ if environment is None else environment).items():
        if name.startswith(PREFIX):
            values[name.removeprefix(PREFIX).lower()] = _value(name, text)
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        return ServiceSettings(**values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors())
        raise ConfigError(f"service: {problems}") from error


def _value(name: str, text: str) -> Any:
    """A list, a table or a number as TOML writes it; anything else is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
