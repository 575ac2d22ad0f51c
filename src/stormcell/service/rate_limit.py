"""How much one client may ask of one process: a bucket of tokens that fills at a steady rate."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import final

__all__ = ["RateLimit"]


@final
class RateLimit:
    """A token bucket for each client.

    A request takes one token, or what it costs; a bucket holds `burst` tokens and gains `rate` per second.

    Args:
        rate: tokens per second; 0 for no limit.
        burst: tokens of a full bucket.
        clock: seconds that only rise.
        clients: buckets that are kept; of more clients than that, those that asked longest ago start again with a full one.
    """

    def __init__(self, rate: float, burst: int, *, clock: Callable[[], float] = time.monotonic, clients: int = 20_000) -> None:
        self._rate, self._burst, self._clock, self._clients = rate, float(burst), clock, clients
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, cost: float = 1.0) -> float:
        """Take tokens from a client's bucket.

        Returns:
            0 if there were enough; else nothing is taken, and this is how many seconds until there are.
        """
        if self._rate == 0:
            return 0.0
        now = self._clock()
        tokens, before = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - before) * self._rate)
        cost = min(cost, self._burst)
        enough = tokens >= cost
        self._buckets[client] = (tokens - cost if enough else tokens, now)
        if len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)
        return 0.0 if enough else (cost - tokens) / self._rate
