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

from stormcell.data.content import Content
from stormcell.data.hdf5 import at_root, attribute, is_hdf5, opened, pixels
from stormcell.data.timestamp import utc
from stormcell.errors import ReadError
from stormcell.frames import make_frames
from stormcell.grid import Grid
from stormcell.units import ZR_RULES, ZRRule, rain_rate_from_accumulation, rain_rate_from_reflectivity

__all__ = ["read_knmi", "recognises", "times"]

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"  # read in one way only: a long row of digits would take for ever
_FORMULA = re.compile(rf"GEO\s*=\s*({_NUMBER})\s*\*\s*PV\s*([-+]\s*{_NUMBER})")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def recognises(content: Content) -> bool:
    """HDF5 with KNMI's groups."""
    if not is_hdf5(content):
        return False
    with at_root(content.file(), content.path) as file:
        return {"overview", "geographic", "image1"} <= set(file)


def times(content: Content) -> NDArray[np.datetime64]:
    """The end of the product's time span."""
    with opened(content.file(), content.path) as file:
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
    with opened(content.file(), content.path) as file:
        image, calibration = file["image1"], file["image1/calibration"]
        code = pixels(image["image_data"], content.path)
        text = attribute(calibration, "calibration_formulas")
        formula = _FORMULA.search(text)
        if formula is None:
            raise ReadError(f"{content.path}: calibration {text!r} is not understood; expected GEO = a * PV + b")
        value = code.astype(np.float32) * np.float32(formula[1]) + np.float32(formula[2].replace(" ", "").replace("+-", "-"))
        quantity = attribute(image, "image_geo_parameter")
        attrs = {"source": f"KNMI {attribute(image, 'image_product_name')}", "quantity": quantity}
        if "PRECIPITATION" in quantity and "MM" in quantity:
            no_echo = None
            rain_rate = rain_rate_from_accumulation(value, (_time(file, "end") - _time(file, "start")) / np.timedelta64(1, "m"))
        elif "REFLECTIVITY" in quantity:
            no_echo = 0  # also where the file calls this value "missing": the radar looked, and saw nothing
            rule = zr or ZR_RULES["marshall-palmer"]
            rain_rate = np.where(code == no_echo, np.float32(0.0), rain_rate_from_reflectivity(value, rule))
            attrs["zr_rule"] = str(rule)
        else:
            raise ReadError(f"{content.path}: holds {quantity}; expected accumulated precipitation [MM] or reflectivity [DBZ]")
        for name in ("calibration_missing_data", "calibration_out_of_image"):
            unseen = int(attribute(calibration, name))
            if unseen != no_echo:
                rain_rate[code == unseen] = np.nan
        return make_frames(rain_rate, _time(file, "end"), _grid(file["geographic"], code.shape), **attrs)


def _grid(geographic: h5py.Group, shape: tuple[int, ...]) -> Grid:
    """KNMI counts in kilometres, in the projection's text as well as in the pixel sizes."""
    where = {name: float(attribute(geographic, f"geo_{name}")) for name in ("pixel_size_x", "pixel_size_y", "column_offset", "row_offset")}
    parameters = attribute(geographic["map_projection"], "projection_proj4_params")
    in_metres = re.sub(r"\+(a|b|x_0|y_0)=([-\d.]+)", lambda match: f"+{match[1]}={float(match[2]) * 1000:.3f}", parameters)
    dx, dy = where["pixel_size_x"] * 1000.0, where["pixel_size_y"] * 1000.0
    return Grid.from_edges(
        CRS.from_user_input(in_metres),
        west=where["column_offset"] * dx,
        north=where["row_offset"] * dy,
        pixel=(dx, -dy),
        shape=(shape[0], shape[1]),
    )


def _time(file: h5py.File, which: str) -> np.datetime64:
    """Such as 26-AUG-2010;00:05:00.000, whatever this machine's language."""
    day, month, rest = attribute(file["overview"], f"product_datetime_{which}").split("-")
    hour, minute, second = (int(part) for part in rest[5:13].split(":"))
    return utc(int(rest[:4]), _MONTHS.index(month.upper()) + 1, int(day), hour, minute, second)
