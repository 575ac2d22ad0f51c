"""Timing in rounds: every variant once a round, so that whatever else the machine does falls on all of them alike."""

import time
from collections.abc import Callable, Mapping

from stormcell.progress import track

__all__ = ["timed_rounds"]


def timed_rounds(runs: Mapping[str, Callable[[], object]], repeats: int, what: str = "timing") -> dict[str, list[float]]:
    """Seconds of each run in each of `repeats` rounds; one more round before them warms up.

    Args:
        runs: what to time, by name.
        repeats: rounds that count.
        what: what is timed, for a person who waits.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in track(range(repeats + 1), what):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if number:
                times[name].append(time.perf_counter() - start)
    return times
