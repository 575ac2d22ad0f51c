"""The newest scans of a feed, as files on this machine: what a forecast needs to begin."""

import os
import warnings
from pathlib import Path
from typing import Any

from stormcell.data.sources.feed import Feed
from stormcell.data.sources.named import source_named
from stormcell.data.sources.source import Source
from stormcell.errors import ReadError

__all__ = ["latest"]

_HOURS_OF_UNKNOWN_STEP = 24.0


def latest(source: str | Source, steps: int, folder: str | Path | None = None, **options: Any) -> list[Path]:
    """Bring the newest scans of a feed here, those that are not here yet, and say where they are.

    Args:
        source: a source, or what `source_named` takes: "mrms", "dwd", "my-feed.toml".
        steps: how many scans.
        folder: for the files; if None a folder of that name in the user's cache, from which files of more than two days are removed.
        options: further arguments of `Feed`.

    Returns:
        up to so many files, oldest first; a scan that could not be had is left out, with a warning.

    Raises:
        ReadError: the feed cannot be asked (`SourceError`), or has no scan of the last hours.
        ConfigError: no such source, or settings that it does not take.
        WriteError: the folder cannot be written.
    """
    if steps < 1:
        raise ReadError(f"latest: expected at least 1 scan, got steps={steps}")
    asked = source_named(source) if isinstance(source, str) else source
    if folder is None:
        folder = _cache(Path(source).stem if isinstance(source, str) else type(source).__name__.lower())
        options = {"keep_hours": 48.0, **options}
    step = asked.about.step_minutes
    hours = _HOURS_OF_UNKNOWN_STEP if step is None else 0.5 + 2 * steps * step / 60
    feed = Feed(asked, Path(folder), **{"hours": hours, **options})
    poll = feed.poll(newest=steps, refill=True)
    for problem in poll.refused.values():
        warnings.warn(f"left out {problem}", UserWarning, stacklevel=2)
    if not poll.here:
        reasons = f": {next(iter(poll.refused.values()))}" if poll.refused else ""
        raise ReadError(
            f"{feed.label}: has no scan of the last {feed.hours:.3g} hours that could be had{reasons}; check the feed and the clock"
        )
    return list(poll.here)


def _cache(name: str) -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "stormcell" / "sources" / name
