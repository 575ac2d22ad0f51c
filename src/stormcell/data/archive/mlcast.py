"""The rules of the mlcast collection for source data, as far as they can be told from a grid, some times and the attributes.

Names, units, chunks, the time axis without gaps and both forms of the projection follow from the profile; what is here depends on the
data. Whether the repository in `mlcast_created_with` exists is not looked up.

Source:
    mlcast-dataset-validator 0.4.0, specification source_data/radar_precipitation 0.3.0.
"""

import datetime
import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from stormcell.data.licence import spdx
from stormcell.errors import StormcellError
from stormcell.frames import Times, coordinates_of
from stormcell.grid import Grid

__all__ = ["broken_rules", "own_attributes"]

_COARSEST_M, _TOLERANCE = 1000.0, 0.01
_CROP = 256  # pixels
_YEARS = 3
_OFF_DEGREES = 1e-4
_ATTRIBUTES = {
    "mlcast_created_by": (r"[^<>]+ <[^\s<>]+@[^\s<>]+>", "'Name <email>'"),
    "mlcast_created_with": (
        r"https://github\.com/mlcast-community/mlcast-dataset-[^\s/-]+-[^\s/@]+@\S+",
        "https://github.com/mlcast-community/mlcast-dataset-ORGANISATION-NAME@VERSION",
    ),
    "mlcast_dataset_identifier": (r"[A-Z]{2}-[A-Za-z0-9]\w*-[A-Za-z0-9]\w*", "COUNTRY-ENTITY-VARIABLE, such as IT-DPC-rainfall_rate"),
}


def own_attributes(start: np.datetime64) -> dict[str, str]:
    """Those that can be told without asking anyone; `start` is the time of the first scan, from which on the step is even."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "consistent_timestep_start": str(start.astype("datetime64[s]")),
        "mlcast_created_on": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "mlcast_dataset_version": "0.3.0",
        "mlcast_dataset_validator_version": "0.4.0",
    }


def broken_rules(grid: Grid, seen: NDArray[np.bool_], times: Times, attrs: Mapping[str, Any]) -> list[str]:
    """Every MUST of the rules that this data set breaks, in words; empty if it may be made.

    Args:
        grid: of all frames.
        seen: (y, x) what the radars see.
        times: of the scans.
        attrs: with `licence` and the attributes that begin with `mlcast_`.
    """
    return [*_of_grid(grid), *_of_sight(seen), *_of_times(times), *_of_attributes(attrs)]


def _of_grid(grid: Grid) -> list[str]:
    if grid.crs.is_geographic:
        return ["the grid is in degrees; expected a map projection with x and y in metres"]
    broken = []
    to_metres = grid.crs.axis_info[0].unit_conversion_factor
    if max(grid.pixel) * to_metres > _COARSEST_M * (1 + _TOLERANCE):
        broken.append(f"pixels of {max(grid.pixel) * to_metres / 1000:g} km; expected at most 1 km")
    try:
        mapping = {k: v for k, v in coordinates_of(grid)["spatial_ref"].attrs.items() if k not in ("crs_wkt", "spatial_ref")}
        by_name = CRS.from_cf(mapping)
        x, y = (values.ravel() for values in np.meshgrid(grid.x[:: max(1, grid.x.size // 4)], grid.y[:: max(1, grid.y.size // 4)]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            places = [Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform(x, y) for crs in (grid.crs, by_name)]
        off = float(np.abs(np.subtract(*map(np.asarray, places))).max())
        if not off <= _OFF_DEGREES:
            broken.append(f"the CF attributes of the projection place the grid {off:.3g} degrees off; expected at most {_OFF_DEGREES:g}")
    except (CRSError, KeyError):
        broken.append("the projection has no CF form (grid_mapping_name and its parameters)")
    return broken


def _of_sight(seen: NDArray[np.bool_]) -> list[str]:
    """Is there a square of 256 x 256 pixels that is wholly seen? By sums over rectangles."""
    sums = np.pad(seen, ((1, 0), (1, 0))).cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    whole = sums[_CROP:, _CROP:] - sums[:-_CROP, _CROP:] - sums[_CROP:, :-_CROP] + sums[:-_CROP, :-_CROP]
    if whole.size and whole.max() == _CROP**2:
        return []
    return [f"no square of {_CROP} x {_CROP} pixels is wholly within what the radars see, in {seen.shape[0]} x {seen.shape[1]} pixels"]


def _of_times(times: Times) -> list[str]:
    years = int((times.max() - times.min()) / np.timedelta64(1, "D")) / 365.25
    return [] if years >= _YEARS else [f"{years:.1f} years of data; expected at least {_YEARS}"]


def _of_attributes(attrs: Mapping[str, Any]) -> list[str]:
    broken = []
    try:
        spdx(str(attrs["licence"]))
    except KeyError:
        broken.append("no licence; give --licence and an SPDX identifier")
    except StormcellError as error:
        broken.append(str(error))
    for name, (pattern, form) in _ATTRIBUTES.items():
        if not re.fullmatch(pattern, str(attrs.get(name, ""))):
            broken.append(f"{name} is {attrs.get(name, 'not given')}; expected {form}: give --attribute {name}=...")
    return broken
