"""The open data server of the German weather service (DWD): composites of its radars, one every five minutes, kept for about two days.

A product has a directory: `rv` of rain in five minutes and `wn` of reflectivity, both with a forecast beside each analysis and so in tar
archives, composite_rv_YYYYmmdd_HHMM.tar; `hx` of reflectivity on pixels of 250 m, composite_hx_YYYYmmdd_HHMM-hd5. Up to 2025 RV came as
DE1200_RVyymmddHHMM.tar.bz2, for some months beside the new files; where both are there the new one is brought. Aliases such as
composite_rv_LATEST.tar are left alone. The page is asked for conditionally, so that a look that brings nothing new costs neither side more
than a few hundred bytes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stormcell.data.sources.index import Index
from stormcell.data.sources.source import About, Remote
from stormcell.data.sources.web import Web
from stormcell.errors import ConfigError

__all__ = ["Dwd"]


@dataclass(frozen=True)
class Dwd:
    """A directory of DWD's composites.

    Args:
        product: rv, wn or hx.
        url: of the directory, or of a mirror, with {product} in place of the product.
        origins: further origins that the directory may lead to.
    """

    product: str = "rv"
    url: str = "https://opendata.dwd.de/weather/radar/composite/{product}/"
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z]{1,20}", self.product):
            raise ConfigError(f"dwd: product {self.product!r}: expected small letters, such as rv, wn or hx")
        self._index()  # refuses an address that is none

    @property
    def about(self) -> About:
        """The directory's origin, and the further ones."""
        return self._index().about

    def new(self, web: Web, *, since: np.datetime64, until: np.datetime64, memory: dict[str, str]) -> Iterator[Remote]:
        """The files of the directory; of two for one time the one in the new layout."""
        offered = list(self._index().new(web, since=since, until=until, memory=memory))
        anew = {remote.time for remote in offered if remote.name.startswith("composite_") and remote.time is not None}
        yield from (remote for remote in offered if remote.name.startswith("composite_") or remote.time not in anew)

    def fetch(self, web: Web, remote: Remote, into: Path) -> None:
        """Download it."""
        web.save(remote.address, into)

    def _index(self) -> Index:
        return Index(
            url=self.url.replace("{product}", self.product),
            pattern=rf"(?:composite_{self.product}_|DE1200_{self.product.upper()})(?P<time>\d{{8}}_\d{{4}}|\d{{10}})(?:\.tar(?:\.bz2)?|-hd5)",
            time_format=("%Y%m%d_%H%M", "%y%m%d%H%M"),
            origins=self.origins,
            licence="CC-BY-4.0",
            attribution="Source: Deutscher Wetterdienst",
            step_minutes=5.0,
        )
