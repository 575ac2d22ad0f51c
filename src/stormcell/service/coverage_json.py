"""Fields as CoverageJSON (OGC 21-069r2): a series at a point, or a grid in longitude and latitude."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Parameter", "grid_coverage", "point_series"]

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


@dataclass(frozen=True)
class Parameter:
    """What the values of a range are.

    Args:
        label: for people.
        symbol: of the unit, by UCUM.
        unit: for people.
        observed: identifier of the observed property.
    """

    label: str
    symbol: str
    unit: str
    observed: str = "http://vocab.nerc.ac.uk/standard_name/rainfall_rate/"

    def as_json(self) -> dict[str, Any]:
        """As the standard has it; the same in EDR collections."""
        return {
            "type": "Parameter",
            "description": {"en": self.label},
            "unit": {"label": {"en": self.unit}, "symbol": {"value": self.symbol, "type": "http://www.opengis.net/def/uom/UCUM/"}},
            "observedProperty": {"id": self.observed, "label": {"en": self.label}},
        }


def point_series(
    lon: float, lat: float, times: Sequence[datetime], parameters: Mapping[str, Parameter], values: Mapping[str, NDArray[np.float32]]
) -> dict[str, Any]:
    """Values over time at a place.

    Args:
        lon, lat: the place [degrees].
        times: of the values.
        parameters: by name.
        values: by name, (time,); NaN becomes null.
    """
    axes = {"x": {"values": [lon]}, "y": {"values": [lat]}, "t": {"values": _stamps(times)}}
    return _coverage("PointSeries", axes, parameters, {name: _range(["t"], array) for name, array in values.items()})


def grid_coverage(
    lons: NDArray[np.float64],
    lats: NDArray[np.float64],
    times: Sequence[datetime],
    parameters: Mapping[str, Parameter],
    values: Mapping[str, NDArray[np.float32]],
) -> dict[str, Any]:
    """Values on a grid.

    Args:
        lons: of the columns, evenly spaced [degrees].
        lats: of the rows, evenly spaced [degrees].
        times: of the values.
        parameters: by name.
        values: by name, (time, y, x); NaN becomes null.
    """
    axes = {"x": _axis(lons), "y": _axis(lats), "t": {"values": _stamps(times)}}
    return _coverage("Grid", axes, parameters, {name: _range(["t", "y", "x"], array) for name, array in values.items()})


def _coverage(kind: str, axes: dict[str, Any], parameters: Mapping[str, Parameter], ranges: dict[str, Any]) -> dict[str, Any]:
    referencing = [
        {"coordinates": ["x", "y"], "system": {"type": "GeographicCRS", "id": CRS84}},
        {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}},
    ]
    return {
        "type": "Coverage",
        "domain": {"type": "Domain", "domainType": kind, "axes": axes, "referencing": referencing},
        "parameters": {name: parameter.as_json() for name, parameter in parameters.items()},
        "ranges": ranges,
    }


def _axis(centres: NDArray[np.float64]) -> dict[str, Any]:
    return {"start": round(float(centres[0]), 6), "stop": round(float(centres[-1]), 6), "num": int(centres.size)}


def _stamps(times: Sequence[datetime]) -> list[str]:
    return [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in times]


def _range(names: list[str], array: NDArray[np.float32]) -> dict[str, Any]:
    flat = array.ravel()
    known = np.isfinite(flat)
    rounded = np.round(flat.astype(np.float64), 4)
    values = rounded.astype(object)
    values[~known] = None
    return {"type": "NdArray", "dataType": "float", "axisNames": names, "shape": list(array.shape), "values": values.tolist()}
