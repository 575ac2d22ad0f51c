"""The one protocol of a source: what it is, which files it has, and how one of them gets here.

A source knows the layout of one kind of feed and nothing else. Retries, rate limits, checks, the cursor and the download folder are the
business of `stormcell.data.sources.feed.Feed`, which drives every source in the same way.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from stormcell.data.sources.failure import SourceError
from stormcell.data.sources.web import Web

__all__ = ["About", "Remote", "Source", "safe_name"]

_NAME = re.compile(r"[A-Za-z0-9_@+,=-][A-Za-z0-9._@+,=-]{0,199}")


class About(NamedTuple):
    """What is fixed about a source.

    Attributes:
        origins: scheme, host and port that it may ask, such as "https://opendata.dwd.de"; none for a folder.
        licence: SPDX identifier of the data's licence; None if that is for the user to know.
        attribution: the words that the licence wants beside what is made of the data.
        step_minutes: usual time between two scans; None if it is not known.
        watch: local folder whose changes announce new files.
    """

    origins: frozenset[str] = frozenset()
    licence: str | None = None
    attribution: str | None = None
    step_minutes: float | None = None
    watch: Path | None = None


class Remote(NamedTuple):
    """A file that a feed offers.

    Attributes:
        name: that it gets in the download folder; a plain file name.
        address: where it is, in the source's own terms.
        time: of the scan, where name or listing tell it [UTC].
        version: changes when the content does (ETag, size and date, ...); may be empty.
        size: in bytes, where the listing states it exactly.
        checksum: "md5" or "sha256" and the hexadecimal digest, where the listing states one.
        problem: why the file cannot be had, where the listing itself shows that; the driver reports it and goes on with the others.
    """

    name: str
    address: str
    time: np.datetime64 | None = None
    version: str = ""
    size: int | None = None
    checksum: tuple[str, str] | None = None
    problem: str | None = None


class Source(Protocol):
    """A feed's layout.

    `new` and `fetch` raise `BusyError` for what is worth another try and `SourceError` for what is not, as `Web` does for them; an OSError
    means that this machine cannot write.
    """

    @property
    def about(self) -> About:
        """What is fixed about it. Reaches for nothing."""

    def new(self, web: Web, *, since: np.datetime64, until: np.datetime64, memory: dict[str, str]) -> Iterable[Remote]:
        """The files with scans between two times [UTC], in any order, more than once if need be.

        Args:
            web: for requests; it goes only to the origins of `about`.
            since: the earliest scan that is wanted; a file of unknown time is wanted.
            until: now; scans of the future may be listed and are refused by the driver.
            memory: of earlier listings, such as ETags; may be changed. The changes are kept once every file of the listing is here.
        """

    def fetch(self, web: Web, remote: Remote, into: Path) -> None:
        """Write the content of a file to the path `into`, whole or not at all is not required: the driver checks it and moves it."""


def safe_name(name: str) -> str:
    """The name, if it is one that a feed may give to a file here: letters, digits and . _ @ + , = - without a dot in front.

    Raises:
        SourceError: it is not, as it leads to another folder or hides the file.

    Example:
        >>> safe_name("DE1200_RV2607011200.tar.bz2")
        'DE1200_RV2607011200.tar.bz2'
    """
    if not _NAME.fullmatch(name):
        raise SourceError(
            f"{name[:80]!r}: expected a plain file name of up to 200 letters, digits and . _ @ + , = - that starts with no dot"
        )
    return name
