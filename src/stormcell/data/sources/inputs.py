"""Inputs of a command that name feeds: "source:dwd" stands for the newest scans of that feed."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from stormcell.data.sources.latest import latest
from stormcell.data.sources.named import source_named

__all__ = ["bring_inputs"]

_MARK = "source:"
_USUAL_MINUTES = 5.0


def bring_inputs(inputs: Iterable[str | Path], steps: int | Callable[[np.timedelta64], int]) -> tuple[list[str | Path], dict[str, str]]:
    """The inputs with feeds replaced by files that are here, and what the feeds' data ask to be said about them.

    Args:
        inputs: files, folders and globs, which stay as they are, and names such as "source:mrms" or "source:my-feed.toml".
        steps: how many scans of a feed; or what tells that from its time step (5 minutes where the feed does not say it).

    Returns:
        the inputs, and attributes for the field read from them: `licence` and `attribution`, where a feed states them.

    Raises:
        ReadError: a feed cannot be asked or has no scan of the last hours.
        ConfigError: no such source, or settings that it does not take.
    """
    brought: list[str | Path] = []
    said: dict[str, list[str]] = {"licence": [], "attribution": []}
    for item in inputs:
        if not str(item).startswith(_MARK):
            brought.append(item)
            continue
        name = str(item).removeprefix(_MARK)
        about = source_named(name).about
        step = np.timedelta64(round(60 * (about.step_minutes or _USUAL_MINUTES)), "s")
        brought += latest(name, steps(step) if callable(steps) else steps)
        for key, text in (("licence", about.licence), ("attribution", about.attribution)):
            if text and text not in said[key]:
                said[key].append(text)
    return brought, {key: "; ".join(texts) for key, texts in said.items() if texts}
