"""Will it rain here, and when does it end? A published forecast at one place, minute by minute."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["WET", "Outlook", "OutlookKind", "minute_values", "outlook_of"]

WET = 0.1
"""Rain rate from which on it rains [mm h-1]."""

OutlookKind = Literal["starts", "ends", "dry", "rain", "unknown", "over"]


@dataclass(frozen=True)
class Outlook:
    """What the minutes ahead bring.

    Args:
        kind: rain "starts", the rain of now "ends"; "dry" or "rain" as far as is known; "unknown" now; the forecast is "over".
        rain_rate: now [mm h-1]; None if not known.
        starts_in: minutes until it rains, 0 if it does; None if it does not within the known minutes.
        ends_in: minutes until the rain that is or comes first has ended; None if it has no end within the known minutes.
        known: minutes ahead that are known without a gap.
    """

    kind: OutlookKind
    rain_rate: float | None
    starts_in: int | None
    ends_in: int | None
    known: int


def minute_values(leads: ArrayLike, values: ArrayLike) -> NDArray[np.float64]:
    """Rain rate at every full minute from the first lead time to the last, on straight lines between lead times.

    Args:
        leads: rising [s]; the first is minute 0.
        values: rain rate at each [mm h-1], NaN = not known.

    Returns:
        (minute,), NaN between two lead times of which one is not known.
    """
    seconds, rates = np.asarray(leads, float), np.asarray(values, float)
    minutes = np.arange(seconds[0], seconds[-1] + 1, 60.0)
    after = np.clip(np.searchsorted(seconds, minutes), 1, max(1, seconds.size - 1))
    if seconds.size == 1:
        return rates.copy()
    left, right = rates[after - 1], rates[after]
    share = (minutes - seconds[after - 1]) / (seconds[after] - seconds[after - 1])
    between = left + share * (right - left)
    return np.where(share == 0, left, np.where(share == 1, right, between))


def outlook_of(rates: NDArray[np.float64], now: float) -> Outlook:
    """What comes, as seen from now.

    Args:
        rates: rain rate at every minute of a forecast [mm h-1].
        now: minutes since its minute 0; a time before it counts as minute 0.

    Returns:
        the outlook; it is "over" when now is past the last minute.
    """
    first = max(0, math.floor(now))
    if first >= rates.size:
        return Outlook("over", None, None, None, 0)
    ahead = rates[first:]
    gaps = np.flatnonzero(np.isnan(ahead))
    known = ahead[: gaps[0]] if gaps.size else ahead
    if not known.size:
        return Outlook("unknown", None, None, None, 0)
    wet = known >= WET
    start = int(np.argmax(wet)) if wet.any() else None
    end = None
    if start is not None and not wet[start:].all():
        end = start + int(np.argmin(wet[start:]))
    kind: OutlookKind = "dry" if start is None else "starts" if start > 0 else "rain" if end is None else "ends"
    return Outlook(kind, float(known[0]), start, end, known.size - 1)
