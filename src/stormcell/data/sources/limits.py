"""What a feed may cost at most: time, requests, bytes and entries."""

from dataclasses import dataclass, fields

from stormcell.errors import ConfigError

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Bounds of everything that a feed does; all are above 0.

    Args:
        silence_seconds: a server that says nothing for so long has failed.
        transfer_seconds: one page or file may take so long altogether.
        requests_per_second: of one source, on average.
        attempts: at one page or file, the first included.
        back_off_seconds: longest pause before the second attempt; it doubles with each further one.
        patience_seconds: longest pause at all, also for another process on the same folder; a server that asks for more gets it, but
            nothing waits for that.
        file_bytes: of one file.
        listing_bytes: of one page of a listing.
        listing_pages: of one listing.
        listing_entries: of one listing.
        ahead_seconds: by which a scan may lie in the future, as clocks differ.
    """

    silence_seconds: float = 20.0
    transfer_seconds: float = 300.0
    requests_per_second: float = 5.0
    attempts: int = 4
    back_off_seconds: float = 1.0
    patience_seconds: float = 60.0
    file_bytes: int = 256 * 2**20
    listing_bytes: int = 16 * 2**20
    listing_pages: int = 20
    listing_entries: int = 20_000
    ahead_seconds: float = 900.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not value > 0:
                raise ConfigError(f"limit {one.name}: expected a number above 0, got {value!r}")
