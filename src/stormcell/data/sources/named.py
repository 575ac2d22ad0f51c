"""Sources by name, or by a small file of settings."""

import inspect
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from stormcell.data.sources.dwd import Dwd
from stormcell.data.sources.folder import Folder
from stormcell.data.sources.index import Index
from stormcell.data.sources.mrms import Mrms
from stormcell.data.sources.source import Source
from stormcell.errors import ConfigError

__all__ = ["SOURCES", "source_named"]

SOURCES: dict[str, Callable[..., Source]] = {
    "dwd": Dwd,
    "folder": Folder,
    "index": Index,
    "mrms": Mrms,
}


def source_named(text: str, **settings: Any) -> Source:
    """A source with its settings.

    Args:
        text: one of `SOURCES`, one that another package publishes, or a TOML file that names it: source = "dwd" and its settings.
        settings: over those of the file; see the source for what it takes.

    Raises:
        ConfigError: no such source, a file that is none, or a setting that the source does not take or that it refuses.

    Example:
        >>> sorted(source_named("mrms", domain="HAWAII").about.origins)
        ['https://noaa-mrms-pds.s3.amazonaws.com']
    """
    name = text
    if text.endswith(".toml"):
        settings = {**_from_file(Path(text)), **settings}
        name = settings.pop("source", None) or ""
    known = {**SOURCES, **_published()}
    if not isinstance(name, str) or name not in known:
        raise ConfigError(f"source {name or text!r}: expected one of {', '.join(sorted(known))}, or a TOML file with source = one of them")
    make = known[name]
    try:
        inspect.signature(make).bind(**settings)
    except TypeError as error:
        takes = ", ".join(key for key in inspect.signature(make).parameters if not key.startswith("_"))
        raise ConfigError(f"source {text!r}: {error}; it takes {takes}") from error
    try:
        return make(**{key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()})
    except (TypeError, AttributeError) as error:
        raise ConfigError(f"source {text!r}: a setting is of the wrong kind ({error})") from error


def _from_file(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: expected a TOML file with the settings of a source ({error})") from error


@cache
def _published() -> dict[str, Callable[..., Source]]:
    return {point.name: point.load() for point in entry_points(group="stormcell.sources")}
