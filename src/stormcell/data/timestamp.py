"""Times as foreign files tell them, checked before they become numpy's: nanoseconds since 1970 wrap around silently."""

from datetime import datetime

import numpy as np

__all__ = ["utc"]

_YEARS = range(1950, 2101)  # before the first weather radar, and long after the last of ours


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> np.datetime64:
    """A time in UTC.

    Raises:
        ValueError: there is no such time, or no radar worked then.

    Example:
        >>> utc(2024, 7, 1, 12, 5)
        np.datetime64('2024-07-01T12:05:00.000000000')
    """
    if year not in _YEARS:
        raise ValueError(f"the year {year} is not one of a radar image")
    return np.datetime64(datetime(year, month, day, hour, minute, second), "ns")
