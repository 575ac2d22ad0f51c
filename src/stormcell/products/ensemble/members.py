"""What all products of an ensemble share: whose word counts at a pixel, and the labels of what comes out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError

__all__ = ["check_levels", "check_thresholds", "known_members", "label_product", "quantile_axis", "share_of_members", "threshold_axis"]

Floats = NDArray[np.float32]
Counts = NDArray[np.uint16]

_OF_THE_FIELD = ("standard_name", "long_name", "units", "grid_mapping", "cell_methods")


def known_members(fields: Floats) -> Counts:
    """How many members have a value at each pixel, (member, y, x) to (y, x)."""
    known = np.zeros(fields.shape[1:], np.uint16)
    for field in fields:
        known += ~np.isnan(field)
    return known


def share_of_members(events: Counts, known: Counts, members: int) -> Floats:
    """How many of the members that have a value say yes; NaN where fewer than half of all members have one.

    At the edge of the radar's view some members know the rain that will come in and others do not. With half of them a share is still
    worth having; one of many would make it 0 or 1.

    Args:
        events: members that say yes.
        known: members that have a value; never fewer than `events`.
        members: of the whole ensemble.

    Returns:
        float32, 0 to 1, as the two counts.
    """
    share: Floats = np.full(known.shape, np.nan, np.float32)
    np.divide(events, known, out=share, where=(2 * known >= members) & (known > 0), dtype=np.float32)
    return share


def check_thresholds(thresholds: Sequence[float]) -> tuple[float, ...]:
    """Thresholds that make events: above 0, for where it is dry there is none, and rising.

    Raises:
        FramesError: they are not.
    """
    values = tuple(float(threshold) for threshold in thresholds)
    if not values or not (np.all(np.diff([0.0, *values]) > 0) and np.isfinite(values[-1])):
        raise FramesError(f"probabilities: expected rising thresholds above 0 mm h-1, got {values}")
    return values


def check_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Quantile levels: 0 to 1, rising.

    Raises:
        FramesError: they are not.
    """
    values = tuple(float(level) for level in levels)
    if not values or not (np.all(np.diff(values) > 0) and 0 <= values[0] <= values[-1] <= 1):
        raise FramesError(f"quantiles: expected rising levels from 0 to 1, got {values}")
    return values


def threshold_axis(thresholds: Sequence[float]) -> xr.Variable:
    """The coordinate of products over thresholds."""
    attrs = {"standard_name": "rainfall_rate", "long_name": "rain rate that is reached or exceeded", "units": "mm h-1"}
    return xr.Variable("threshold", np.array(thresholds, np.float64), attrs)


def quantile_axis(levels: Sequence[float]) -> xr.Variable:
    """The coordinate of products over quantiles."""
    return xr.Variable("quantile", np.array(levels, np.float64), {"long_name": "share of the members at or below", "units": "1"})


def label_product(
    values: NDArray[Any], forecast: xr.DataArray, *, name: str, long_name: str, axis: xr.Variable | None = None, **attrs: Any
) -> xr.DataArray:
    """Label a product of an ensemble.

    Args:
        values: (y, x) or (lead_time, y, x), after the dimension of `axis` where that is given.
        forecast: what it was worked out from; its origin goes into the attributes.
        name: of the variable.
        long_name: for people.
        axis: the coordinate of the first dimension.
        **attrs: what else describes the product; units, above all.

    Returns:
        The product with coordinates as the forecast has them.
    """
    first = [] if axis is None else [str(axis.dims[0])]
    dims = first + ["lead_time", "y", "x"][3 + len(first) - values.ndim :]
    coords = {key: coord.variable for key, coord in forecast.coords.items() if set(coord.dims) <= set(dims)}
    coords |= {} if axis is None else {first[0]: axis}
    origin = {key: value for key, value in forecast.attrs.items() if key not in _OF_THE_FIELD}
    described = {"long_name": long_name, **attrs, "grid_mapping": "spatial_ref", **origin, "members": forecast.sizes["member"]}
    return xr.DataArray(values, coords, dims, name, described)
