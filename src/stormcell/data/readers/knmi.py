"""KNMI HDF5 composites (Netherlands).

Source: KNMI HDF5 data format specification 3.5. A pixel value PV becomes a physical value by the file's own formula, such as
GEO = 0.01 PV + 0.0; lengths are in kilometres; the first row is the northernmost.
"""

import re
from pathlib import Path

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS

from stormcell.data.content import Content, check_size
from stormcell.errors import ReadError
from stormcell.frames import make_frames
from stormcell.grid import Grid
from stormcell.units import ZR_RULES, ZRRule, rain_rate_from_accumulation, rain_rate_from_reflectivity

__all__ = ["read_knmi", "recognises", "times"]

_NUMBER = r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?"
_FORMULA = re.compile(rf"GEO\s*=\s*({_NUMBER})\s*\*\s*PV\s*([-+]\s*{_NUMBER})")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def recognises(content: Content) -> bool:
    """HDF5 with KNMI's groups."""
    if not content.head.startswith(b"\x89HDF"):
        return False
    with h5py.File(content.file()) as file:
        return {"overview", "geographic", "image1"} <= set(file)


def times(content: Content) -> NDArray[np.datetime64]:
    """The end of the product's time span."""
    with h5py.File(content.file()) as file:
        return np.array([_time(file, "end")])


def read_knmi(path: str | Path, *, zr: ZRRule | None = None) -> xr.DataArray:
    """Read a precipitation accumulation or a reflectivity image of KNMI.

    Args:
        path: the file; may be packed.
        zr: rule from reflectivity to rain rate; Marshall-Palmer if None.

    Returns:
        (time=1, y, x) rain rate [mm h-1]: an accumulation divided by the time it covers; NaN outside the radars' reach.

    Raises:
        ReadError: the image holds another quantity, or its calibration is not understood.
    """
    content = Content(path)
    with h5py.File(content.file()) as file:
        image, calibration = file["image1"], file["image1/calibration"].attrs
        check_size(content.path, *image["image_data"].shape)
        code = image["image_data"][()]
        formula = _FORMULA.search(_text(calibration["calibration_formulas"]))
        if formula is None:
            raise ReadError(
                f"{content.path}: calibration {_text(calibration['calibration_formulas'])!r} is not understood; expected GEO = a * PV + b"
            )
        value = code.astype(np.float32) * np.float32(formula[1]) + np.float32(formula[2].replace(" ", ""))
        quantity = _text(image.attrs["image_geo_parameter"])
        attrs = {"source": f"KNMI {_text(image.attrs['image_product_name'])}", "quantity": quantity}
        if "PRECIPITATION" in quantity and "MM" in quantity:
            rain_rate = rain_rate_from_accumulation(value, (_time(file, "end") - _time(file, "start")) / np.timedelta64(1, "m"))
        elif "REFLECTIVITY" in quantity:
            rule = zr or ZR_RULES["marshall-palmer"]
            rain_rate = np.where(code == 0, np.float32(0.0), rain_rate_from_reflectivity(value, rule))
            attrs["zr_rule"] = str(rule)
        else:
            raise ReadError(f"{content.path}: holds {quantity}; expected accumulated precipitation [MM] or reflectivity [DBZ]")
        for name in ("calibration_missing_data", "calibration_out_of_image"):
            rain_rate[code == int(calibration[name][0])] = np.nan
        return make_frames(rain_rate, _time(file, "end"), _grid(file["geographic"], code.shape), **attrs)


def _grid(geographic: h5py.Group, shape: tuple[int, ...]) -> Grid:
    """KNMI counts in kilometres, in the projection's text as well as in the pixel sizes."""
    where = {
        key: float(value[0]) for key, value in geographic.attrs.items() if np.size(value) == 1 and np.asarray(value).dtype.kind in "fi"
    }
    parameters = _text(geographic["map_projection"].attrs["projection_proj4_params"])
    in_metres = re.sub(r"\+(a|b|x_0|y_0)=([-\d.]+)", lambda match: f"+{match[1]}={float(match[2]) * 1000:.3f}", parameters)
    dx, dy = where["geo_pixel_size_x"] * 1000.0, where["geo_pixel_size_y"] * 1000.0
    return Grid.from_edges(
        CRS.from_user_input(in_metres),
        west=where["geo_column_offset"] * dx,
        north=where["geo_row_offset"] * dy,
        pixel=(dx, -dy),
        shape=(shape[0], shape[1]),
    )


def _time(file: h5py.File, which: str) -> np.datetime64:
    text = _text(np.ravel(file["overview"].attrs[f"product_datetime_{which}"])[0])
    day, month, rest = text.split("-")
    return np.datetime64(f"{rest[:4]}-{_MONTHS.index(month.upper()) + 1:02d}-{day}T{rest[5:13]}", "ns")


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
