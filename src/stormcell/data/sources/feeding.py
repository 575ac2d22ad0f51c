"""A feed beside other work: a thread of its own brings files into a folder that somebody else reads."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stormcell.data.sources.feed import Feed, Poll
from stormcell.data.sources.named import source_named
from stormcell.data.sources.source import Source
from stormcell.errors import StormcellError

__all__ = ["feeding"]

_log = logging.getLogger("stormcell.sources")
_LAST_SECONDS = 10.0  # for the file in hand when the feed is told to end; what it does not finish the next feed does


@contextmanager
def feeding(source: str | Source, folder: str | Path, *, every: float = 30.0, **options: Any) -> Iterator[Feed]:
    """Within, the feed is looked at again and again, and what is new appears in the folder, each file at once and whole.

    What arrives, is refused or fails goes to the log `stormcell.sources`; a file that stays bad is told once.

    Args:
        source: a source, or what `source_named` takes.
        folder: for the files.
        every: seconds between two looks.
        options: further arguments of `Feed`.

    Raises:
        ConfigError: no such source, or settings that it does not take.
    """
    feed = Feed(source_named(source) if isinstance(source, str) else source, Path(folder), **options)
    stop, told = threading.Event(), dict[str, str]()

    def tell(news: Poll | StormcellError) -> None:
        if isinstance(news, StormcellError):
            _log.warning("%s", news)
            return
        for path in news.arrived:
            _log.info("%s: %s arrived", feed.label, path.name)
        for name, reason in news.refused.items():
            if told.get(name) != reason:
                _log.warning("left out %s", reason)
        told.clear()
        told.update(news.refused)

    thread = threading.Thread(target=lambda: feed.run(every=every, stop=stop, tell=tell), name="stormcell-feed", daemon=True)
    thread.start()
    try:
        yield feed
    finally:
        stop.set()
        thread.join(_LAST_SECONDS)
