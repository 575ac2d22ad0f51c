"""MeteoSwiss AQC composites: rain of 5 minutes as a GIF whose palette index i is a logarithmic code.

amount = (10^((i - 71.5) / 20) / 316)^(1 / 1.5) mm for 2 <= i <= 250; 0 and 1 and 251 to 254 are dry; 255 is outside the radars' reach.
The image covers the Swiss grid EPSG:21781 from 255 to 965 km east and -160 to 480 km north.
"""

import re
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.content import Content
from stormcell.data.timestamp import utc
from stormcell.errors import ReadError
from stormcell.frames import make_frames
from stormcell.grid import Grid
from stormcell.units import ZRRule, rain_rate_from_accumulation

__all__ = ["read_meteoswiss", "recognises", "times"]

_PRODUCT = re.compile(rb"PRDT=AQC(\d{2})(\d{3})(\d{2})(\d{2})")
_ACCUMULATION = re.compile(rb"ACCUm=(\d+)")
_SHAPE = (640, 710)


def recognises(content: Content) -> bool:
    """A GIF whose comment names the AQC product of MeteoSwiss."""
    return content.head.startswith(b"GIF8") and b"Meteoswiss" in content.head and _PRODUCT.search(content.head) is not None


def times(content: Content) -> NDArray[np.datetime64]:
    """The product's time: two digits of the year, day of the year, hour, minute."""
    match = _PRODUCT.search(content.head)
    if match is None:
        raise ReadError(f"{content.path}: expected an AQC product and its time in the GIF's comment")
    year, day, hour, minute = (int(part) for part in match.groups())
    return np.array([utc(2000 + year, 1, 1, hour, minute) + np.timedelta64(day - 1, "D")])


def read_meteoswiss(path: str | Path, *, zr: ZRRule | None = None) -> xr.DataArray:
    """Read an AQC composite.

    Args:
        path: the file; may be packed.
        zr: not needed, as the file holds rain and not reflectivity.

    Returns:
        (time=1, y, x) rain rate [mm h-1].

    Raises:
        ReadError: the image has another size than the Swiss composite, or no palette.
    """
    from PIL import Image

    content = Content(path)
    with Image.open(content.file(), formats=["GIF"]) as image:
        if image.mode not in ("P", "L") or image.size != _SHAPE[::-1]:
            raise ReadError(
                f"{content.path}: is a {image.size[0]} x {image.size[1]} {image.mode} image; expected a palette image of 710 x 640"
            )
        code = np.asarray(image)
    index = np.arange(256, dtype=np.float64)
    amount = (10.0 ** ((index - 71.5) / 20.0) / 316.0) ** (1 / 1.5)
    amount[:2], amount[251:255], amount[255] = 0.0, 0.0, np.nan
    minutes = _ACCUMULATION.search(content.head)
    table = rain_rate_from_accumulation(amount, float(minutes[1]) if minutes else 5.0).astype(np.float32)
    grid = Grid.from_edges("EPSG:21781", west=255_000.0, north=480_000.0, pixel=(1000.0, 1000.0), shape=_SHAPE)
    return make_frames(table[code], times(content), grid, source="MeteoSwiss AQC", quantity="precipitation_amount")
