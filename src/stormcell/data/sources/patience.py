"""When to ask again: back-off with chance in it, servers that want to be left alone, and files that stay bad."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from stormcell.data.sources.failure import BusyError, SourceError
from stormcell.data.sources.limits import Limits
from stormcell.data.sources.source import Remote

__all__ = ["Patience"]

_Result = TypeVar("_Result")
_BAD_SECONDS, _BAD_SECONDS_MOST = 20.0, 1800.0
_LEFT_ALONE_MOST = 86_400.0


class _Bad(NamedTuple):
    """A file that could not be had: which version, how often, when it is worth another try, and why."""

    version: str
    times: int
    again: float
    reason: str


@dataclass
class Patience:
    """Towards one feed.

    Args:
        limits: how often and how long.
        monotonic, sleep, chance: clock, pause and random numbers in [0, 1).
    """

    limits: Limits
    monotonic: Callable[[], float]
    sleep: Callable[[float], object]
    chance: Callable[[], float]
    _not_before: float = field(default=float("-inf"), init=False)
    _bad: dict[str, _Bad] = field(default_factory=dict, init=False)

    def again(self, action: Callable[[], _Result]) -> _Result:
        """Try, and try again after pauses that double and differ by chance, so that many clients do not come back at once.

        Raises:
            BusyError: of the last attempt, or of one after which the server asked for a longer pause than there is patience for.
        """
        attempt = 1
        while True:
            try:
                return action()
            except BusyError as error:
                asked = error.retry_after or 0.0
                if asked > self.limits.patience_seconds:
                    self._not_before = self.monotonic() + min(asked, _LEFT_ALONE_MOST)
                    raise
                if attempt >= self.limits.attempts:
                    raise
                longest = min(self.limits.back_off_seconds * 2 ** (attempt - 1), self.limits.patience_seconds)
                self.sleep(max(asked, longest * (0.5 + 0.5 * self.chance())))
                attempt += 1

    def bring(self, remote: Remote, action: Callable[[], None]) -> None:
        """Try to bring a file; one that is bad is tried again later (after 20 s, 40 s, ... 30 min), or as soon as it has changed.

        Raises:
            SourceError: it could not be had, now or the last time.
        """
        bad = self._bad.get(remote.name)
        known = bad is not None and bad.version == remote.version
        if bad is not None and known and self.monotonic() < bad.again:
            raise SourceError(bad.reason)
        self.check_turn(remote.address)
        try:
            self.again(action)
        except SourceError as error:
            times = 1 + (bad.times if bad is not None and known else 0)
            pause = min(_BAD_SECONDS * 2.0 ** (times - 1), _BAD_SECONDS_MOST)
            self._bad[remote.name] = _Bad(remote.version, times, self.monotonic() + pause, str(error))
            raise
        self._bad.pop(remote.name, None)

    def check_turn(self, address: str) -> None:
        """Leave a server alone that asked for it.

        Raises:
            BusyError: it did, and its time is not over.
        """
        if (wait := self._not_before - self.monotonic()) > 0:
            raise BusyError(f"{address}: the server asked to be left alone for another {wait:.0f} s", retry_after=wait)
