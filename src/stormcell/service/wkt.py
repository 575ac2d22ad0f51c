"""Points and polygons as well-known text, within limits."""

import re

from stormcell.errors import FramesError

__all__ = ["LONGEST", "parse_point", "parse_polygon"]

LONGEST = 20_000
"""Characters of a text."""

_NUMBER = r"-?[0-9]{1,3}(?:\.[0-9]{1,20})?"
_POSITION = rf"{_NUMBER} +{_NUMBER}"
_POINT = re.compile(rf" *POINT *\( *({_POSITION}) *\) *", re.IGNORECASE)
_POLYGON = re.compile(r" *POLYGON *\((.*)\) *", re.IGNORECASE | re.DOTALL)
_RING = re.compile(rf" *\( *({_POSITION}(?: *, *{_POSITION})*) *\) *")


def parse_point(text: str) -> tuple[float, float]:
    """Longitude and latitude of "POINT(8.5 47.4)".

    Raises:
        FramesError: it is none, or not on the globe.
    """
    found = _POINT.fullmatch(text)
    if found is None:
        raise FramesError("coords: expected POINT(longitude latitude)")
    return _position(found[1])


def parse_polygon(text: str) -> list[list[tuple[float, float]]]:
    """The rings of "POLYGON((7 46, 8 46, 8 47, 7 46))", each of (longitude, latitude).

    Raises:
        FramesError: it is none, or not on the globe.
    """
    found = _POLYGON.fullmatch(text)
    if len(text) > LONGEST or found is None:
        raise FramesError(f"coords: expected POLYGON((longitude latitude, ...)) in at most {LONGEST} characters")
    rings = []
    for part in re.split(r"(?<=\)) *, *(?=\()", found[1].strip()):
        ring = _RING.fullmatch(part)
        if ring is None:
            raise FramesError("coords: expected rings of positions, (longitude latitude, ...)")
        rings.append([_position(position) for position in ring[1].split(",")])
    return rings


def _position(text: str) -> tuple[float, float]:
    lon, lat = (float(number) for number in text.split())
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        raise FramesError("coords: expected longitudes of -180 to 180 and latitudes of -90 to 90")
    return lon, lat
