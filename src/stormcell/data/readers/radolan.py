"""RADOLAN composites of the German weather service (DWD): a text header that ends with byte 3, then the pixels, south first.

Two bytes a pixel, little endian: 12 bits of value and 4 flags (0x1000 filled in, 0x2000 no data, 0x4000 negative, 0x8000 clutter);
the value times the header's precision is the rain in mm over the header's interval. One byte a pixel in the reflectivity products
RX and WX: dBZ = p / 2 - 32.5, 0 is no echo, 249 clutter, 250 no data.

An RV archive of the years up to 2025 (`.tar.bz2`; for later ones see `odim_tar`) holds the analysis (lead time 0) and DWD's own forecast
for the next two hours. `read_radolan` takes the analysis alone, since a forecast is no observation; `read_radolan_forecast` gives the
forecast.

Source: DWD, RADOLAN/RADVOR-OP Kompositformat 2.4; grids as published there.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.content import Content, check_size
from stormcell.data.tarred import is_tar, members, start_of_first
from stormcell.data.timestamp import utc
from stormcell.errors import ReadError
from stormcell.frames import make_forecast, make_frames
from stormcell.grid import Grid
from stormcell.units import ZR_RULES, ZRRule, rain_rate_from_accumulation, rain_rate_from_reflectivity

__all__ = ["read_radolan", "read_radolan_forecast", "recognises", "times"]

_START = re.compile(rb"^([A-Z]{2})(\d{2})(\d{2})(\d{2})(\d{5})(\d{2})(\d{2})BY\s*(\d+)")
_FIELDS = {name: re.compile(pattern) for name, pattern in {
    "precision": rb"PR\s*E([+-]\d+)",
    "minutes": rb"INT\s*(\d+)",
    "shape": rb"GP\s*(\d+)\s*x\s*(\d+)",
    "lead": rb"VV\s*(\d+)",
}.items()}  # fmt: skip
_HEADER_BYTES = 4096
_REFLECTIVITY = ("RX", "WX")
_RAIN = ("RW", "RY", "RV", "SF", "RZ", "RH", "YW", "RU", "RS", "RQ")
_SPHERE = "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +x_0=0 +y_0=0 +R=6370040 +units=m"
_ELLIPSOID = "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +x_0=543196.83521776402 +y_0=3622588.8619310018 +ellps=WGS84 +units=m"
# (rows, columns) -> projection, west and north edge [m]
_GRIDS = {
    (900, 900): (_SPHERE, -523_462.2, -3_758_645.0),  # Germany
    (1100, 900): (_SPHERE, -443_462.2, -3_658_645.0),  # extended
    (1200, 1100): (_ELLIPSOID, -500.0, 500.0),  # DE1200
}


@dataclass(frozen=True)
class _Header:
    product: str
    time: np.datetime64
    shape: tuple[int, int]
    precision: float
    minutes: int
    lead: int
    length: int  # bytes of header, its end mark included


def recognises(content: Content) -> bool:
    """RADOLAN's header at the start, or at the start of the first member of a tar archive."""
    return _START.match(_first_member(content)) is not None


def times(content: Content) -> NDArray[np.datetime64]:
    """The end of the product's interval."""
    return np.array([_parse(_first_member(content), content.path).time])


def read_radolan(path: str | Path, *, zr: ZRRule | None = None) -> xr.DataArray:
    """Read a RADOLAN composite (RW, RX, RY, SF, WX and their kin), or the analysis of an RV archive.

    Args:
        path: the file; may be packed, and usually is.
        zr: rule from reflectivity (RX, WX) to rain rate; Marshall-Palmer if None.

    Returns:
        (time=1, y, x) rain rate [mm h-1]; clutter, negative values and places without data are NaN.

    Raises:
        ReadError: a product or grid that is not known, or an image that is cut off.
    """
    content = Content(path)
    if is_tar(content):
        header, data = _archive(content, analysis=True)[0]
        if header.lead != 0:
            raise ReadError(f"{content.path}: holds only forecasts, from {header.lead} min on; expected the analysis (lead time 0) as well")
    else:
        data = content.bytes()
        header = _parse(data, content.path)
        if header.lead != 0:
            raise ReadError(f"{content.path}: is a forecast for {header.lead} min ahead; expected an observation")
    rule = zr or ZR_RULES["marshall-palmer"]
    attrs = {"source": f"DWD RADOLAN {header.product}", "quantity": header.product}
    attrs |= {"zr_rule": str(rule)} if header.product in _REFLECTIVITY else {}
    return make_frames(_rain_rate(data, header, rule, content.path), header.time, _grid(header, content.path), **attrs)


def read_radolan_forecast(path: str | Path) -> xr.DataArray:
    """Read DWD's own forecast from an RV archive.

    Returns:
        (member=1, lead_time, y, x) rain rate [mm h-1].

    Raises:
        ReadError: the file is no RV archive, or is broken.
    """
    content = Content(path)
    if not is_tar(content):
        raise ReadError(f"{content.path}: expected an RV archive (.tar.bz2) with several lead times")
    past = read_radolan(path)
    ahead = [(header, data) for header, data in _archive(content, analysis=False) if header.lead > 0]
    fields = [_rain_rate(data, header, ZR_RULES["marshall-palmer"], content.path) for header, data in ahead]
    leads = np.array([header.lead for header, _ in ahead], dtype="timedelta64[m]").astype("timedelta64[ns]")
    return make_forecast(np.stack(fields)[np.newaxis], past, leads, method="DWD RADVOR")


def _rain_rate(data: bytes, header: _Header, rule: ZRRule, path: Path) -> NDArray[np.float32]:
    rows, columns = header.shape
    body, width = data[header.length :], 1 if header.product in _REFLECTIVITY else 2
    if len(body) != rows * columns * width:
        raise ReadError(
            f"{path}: expected {rows * columns * width} bytes of pixels, got {len(body)}; the file is cut off or broken: fetch it again"
        )
    if width == 1:
        code = np.frombuffer(body, np.uint8)
        table = rain_rate_from_reflectivity(np.arange(256, dtype=np.float32) / 2 - 32.5, rule)
        table[0], table[249:] = 0.0, np.nan
        rain_rate = table[code]
    else:
        code = np.frombuffer(body, "<u2")
        amount = (code & 0x0FFF).astype(np.float32) * np.float32(header.precision)
        rain_rate = rain_rate_from_accumulation(amount, header.minutes).astype(np.float32)
        rain_rate[(code & 0xE000) > 0] = np.nan
    return rain_rate.reshape(rows, columns)[::-1]


def _grid(header: _Header, path: Path) -> Grid:
    if header.shape not in _GRIDS:
        known = ", ".join(f"{rows} x {columns}" for rows, columns in _GRIDS)
        raise ReadError(f"{path}: has {header.shape[0]} x {header.shape[1]} pixels; expected one of DWD's grids: {known}")
    crs, west, north = _GRIDS[header.shape]
    return Grid.from_edges(crs, west=west, north=north, pixel=(1000.0, 1000.0), shape=header.shape)


def _parse(data: bytes, path: Path) -> _Header:
    start, length = _START.match(data), data.find(b"\x03") + 1
    if start is None or length == 0:
        raise ReadError(f"{path}: expected a RADOLAN header that ends with byte 3")
    product, (day, hour, minute, month, year) = start[1].decode(), (int(start[group]) for group in (2, 3, 4, 6, 7))
    if product not in _REFLECTIVITY + _RAIN:
        raise ReadError(f"{path}: is the RADOLAN product {product}; expected one of {', '.join(_REFLECTIVITY + _RAIN)}")
    found = {name: pattern.search(data, 0, length) for name, pattern in _FIELDS.items()}
    shape, precision, minutes, lead = found["shape"], found["precision"], found["minutes"], found["lead"]
    if shape is None or precision is None or minutes is None:
        raise ReadError(f"{path}: expected the fields PR, INT and GP in the RADOLAN header")
    check_size(path, int(shape[1]), int(shape[2]))
    time = utc(2000 + year, month, day, hour, minute)
    return _Header(
        product, time, (int(shape[1]), int(shape[2])), 10.0 ** int(precision[1]), int(minutes[1]), int(lead[1]) if lead else 0, length
    )


def _first_member(content: Content) -> bytes:
    """The start of the (first) composite."""
    return start_of_first(content) if is_tar(content) else content.head


def _archive(content: Content, *, analysis: bool) -> list[tuple[_Header, bytes]]:
    """The composites of a tar archive, by lead time; of forecasts only the header if the analysis alone is wanted."""
    composites = []
    for _, member in members(content):
        start = member.read(_HEADER_BYTES)
        if _START.match(start):
            header = _parse(start, content.path)
            composites.append((header, start if analysis and header.lead > 0 else start + member.read()))
    if not composites:
        raise ReadError(f"{content.path}: holds no RADOLAN composite")
    return sorted(composites, key=lambda composite: composite[0].lead)
