"""The parameter `subset` of OGC API - Coverages: `Lat(46:47),Lon(8:9),time("2024-07-01T12:00:00Z":"2024-07-01T13:00:00Z")`."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from stormcell.service.problems import Problem

__all__ = ["Subset", "parse_subset"]

Interval = tuple[float | None, float | None]

_VALUE = r'(?:"[^"]{1,40}"|\*|-?[0-9]{1,3}(?:\.[0-9]{1,20})?)'
_AXIS = re.compile(rf" *([A-Za-z]{{1,20}})\( *({_VALUE}) *(?:: *({_VALUE}) *)?\) *(?:,|$)")
_NAMES = {"lat": "lat", "latitude": "lat", "lon": "lon", "long": "lon", "longitude": "lon", "time": "time"}


class Subset(NamedTuple):
    """What is asked of each axis.

    Attributes:
        lat, lon: lowest and highest [degrees], None where there is no bound; None if the axis is not named.
        time: a time or an interval as `datetime` has it; None if the axis is not named.
    """

    lat: Interval | None = None
    lon: Interval | None = None
    time: str | None = None


def parse_subset(texts: Sequence[str]) -> Subset:
    """Several of them count as one with commas.

    Raises:
        Problem: an axis is unknown or named twice, or the text is none.
    """
    found: dict[str, Interval | str] = {}
    for text in texts:
        place = 0
        while place < len(text):
            match = _AXIS.match(text, place)
            if match is None:
                raise Problem(400, 'subset: expected axes as Lat(46:47),Lon(8:9),time("2024-07-01T12:00:00Z")')
            place = match.end()
            name = _NAMES.get(match[1].lower())
            if name is None or name in found:
                raise Problem(400, f"subset: expected the axes Lat, Lon and time, each once, got {match[1]}")
            found[name] = _time(match[2], match[3]) if name == "time" else _degrees(match[2], match[3])
    return Subset(**found)  # type: ignore[arg-type]


def _degrees(low: str, high: str | None) -> Interval:
    if '"' in low or (high and '"' in high):
        raise Problem(400, "subset: expected degrees as numbers")
    first = None if low == "*" else float(low)
    last = first if high is None else None if high == "*" else float(high)
    if first is not None and last is not None and first > last:
        raise Problem(400, "subset: expected a lower bound that is not above the upper one")
    return first, last


def _time(low: str, high: str | None) -> str:
    if any(one is not None and one != "*" and not one.startswith('"') for one in (low, high)):
        raise Problem(400, 'subset: expected times in double quotes, time("2024-07-01T12:00:00Z")')
    first = ".." if low == "*" else low.strip('"')
    return first if high is None and low != "*" else f"{first}/{'..' if high in (None, '*') else high.strip(chr(34))}"
