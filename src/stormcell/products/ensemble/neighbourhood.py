"""How likely rain is in the surroundings of a pixel: a forecast that is right but a little beside the place still says so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError
from stormcell.frames import check_forecast, grid_of
from stormcell.grid import Grid
from stormcell.products.ensemble.members import Floats, check_thresholds, known_members, label_product, share_of_members, threshold_axis
from stormcell.products.ensemble.probability import members_above

__all__ = ["Disk", "neighbourhood_maximum_probability", "neighbourhood_probability"]

_KM_PER_DEGREE = 111.2


def neighbourhood_probability(forecast: xr.DataArray, thresholds: Sequence[float], *, radius_km: float) -> xr.DataArray:
    """The share of members and of pixels within a radius that reach each threshold.

        NEP(x) = sum_{|y - x| <= r} members with R(y) >= L / sum_{|y - x| <= r} members that have a value at y

    A smooth field that means what it says about the pixel itself. A radius below a pixel makes it the exceedance probability. Pixels beyond
    the border of the grid, and what a member does not know, are left out. NaN where fewer than half of the members know the pixel.

    Args:
        forecast: (member, lead_time, y, x) rain rate [mm h-1]; one member will do.
        thresholds: L [mm h-1], above 0 and rising.
        radius_km: r.

    Returns:
        `neighbourhood_probability`, (threshold, lead_time, y, x), 0 to 1; exactly 0 where no member reaches L within the radius.

    Raises:
        FramesError: the forecast breaks the contract, the thresholds are not above 0 and rising, or the radius is below 0.

    Source:
        Theis, Hense & Damrath (2005), doi:10.1017/S1350482705001763; Schwartz et al. (2010), doi:10.1175/2009WAF2222267.1.
    """

    def share(fields: Floats, threshold: float, disk: Disk) -> Floats:
        known = known_members(fields)
        events, possible = disk.total(members_above(fields, threshold)), disk.total(known)
        part: Floats = np.full(known.shape, np.nan, np.float32)
        np.divide(events, possible, out=part, where=(2 * known >= len(fields)) & (known > 0), casting="same_kind")
        return part

    name, long_name = "neighbourhood_probability", "share of members and pixels within the radius that reach the threshold"
    return _over_thresholds(share, forecast, thresholds, radius_km, name, long_name)


def neighbourhood_maximum_probability(forecast: xr.DataArray, thresholds: Sequence[float], *, radius_km: float) -> xr.DataArray:
    """The share of members that reach each threshold anywhere within a radius: how likely is such rain here or near?

        NMEP(x) = (members with max_{|y - x| <= r} R(y) >= L) / (members that have a value at x)

    Never below the exceedance probability, and it rises with the radius: a question about an area, not about the pixel. Of pixels within
    the radius those count that a member knows. NaN where fewer than half of the members know the pixel.

    Args:
        forecast: (member, lead_time, y, x) rain rate [mm h-1].
        thresholds: L [mm h-1], above 0 and rising.
        radius_km: r.

    Returns:
        `neighbourhood_maximum_probability`, (threshold, lead_time, y, x), 0 to 1.

    Raises:
        FramesError: the forecast breaks the contract, the thresholds are not above 0 and rising, or the radius is below 0.

    Source:
        Schwartz & Sobash (2017), doi:10.1175/MWR-D-16-0400.1.
    """

    def share(fields: Floats, threshold: float, disk: Disk) -> Floats:
        count = np.zeros(fields.shape[1:], np.uint16)
        for field in fields:
            count += disk.touches(field >= np.float32(threshold)) & ~np.isnan(field)
        return share_of_members(count, known_members(fields), len(fields))

    name, long_name = "neighbourhood_maximum_probability", "probability that the rain rate reaches the threshold within the radius"
    return _over_thresholds(share, forecast, thresholds, radius_km, name, long_name)


@dataclass(frozen=True)
class Disk:
    """The pixels whose centres lie within a radius, as rows of pixels.

    Args:
        reach: for the row of the centre and each one below it, how many pixels to either side lie within.
    """

    reach: tuple[int, ...]

    @classmethod
    def on(cls, grid: Grid, radius_km: float) -> "Disk":
        """A disk on the ground, an ellipse of pixels where these are not square; measured in the middle of the grid.

        Raises:
            FramesError: the radius is below 0 or not finite.
        """
        if not 0 <= radius_km < np.inf:
            raise FramesError(f"neighbourhood: expected a radius of 0 km or more, got {radius_km}")
        dx, dy = _pixel_km(grid)
        rows = np.arange(min(int(radius_km / dy + 1e-9), grid.shape[0] - 1) + 1)
        widths = np.sqrt(np.maximum(radius_km**2 - (rows * dy) ** 2, 0)) / dx
        return cls(tuple(int(width) for width in np.minimum(widths + 1e-9, grid.shape[1] - 1)))

    def total(self, counts: NDArray[np.uint16]) -> NDArray[np.int32]:
        """Sum over the disk about each pixel, exact; beyond the border there is nothing."""
        rows, columns = counts.shape
        widest = self.reach[0]
        before = np.pad(np.cumsum(counts, axis=1, dtype=np.int32), ((0, 0), (widest + 1, widest)), mode="edge")
        before[:, : widest + 1] = 0
        total = np.zeros(counts.shape, np.int32)
        for away, reach in enumerate(self.reach):
            start, end = widest - reach, widest + reach + 1
            strip = before[:, end : end + columns] - before[:, start : start + columns]
            total[: rows - away] += strip[away:]
            if away:
                total[away:] += strip[: rows - away]
        return total

    def touches(self, event: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether there is an event within the disk about each pixel."""
        found = np.zeros(event.shape, bool)
        if not event.any():
            return found
        rows, columns = event.shape
        column = np.arange(columns, dtype=np.int32)
        left = np.maximum.accumulate(np.where(event, column, np.int32(-columns)), axis=1)
        right = np.minimum.accumulate(np.where(event, column, np.int32(2 * columns))[:, ::-1], axis=1)[:, ::-1]
        distance = np.minimum(column - left, right - column)  # to the nearest event of the row
        for away, reach in enumerate(self.reach):
            near = distance <= reach
            found[: rows - away] |= near[away:]
            found[away:] |= near[: rows - away]
        return found


def _over_thresholds(
    share: Callable[[Floats, float, Disk], Floats],
    forecast: xr.DataArray,
    thresholds: Sequence[float],
    radius_km: float,
    name: str,
    long_name: str,
) -> xr.DataArray:
    """A share for each lead time and threshold, labelled."""
    thresholds = check_thresholds(thresholds)
    rain_rate = check_forecast(forecast).values
    disk = Disk.on(grid_of(forecast), radius_km)
    probability = np.empty((len(thresholds), *rain_rate.shape[1:]), np.float32)
    for lead in range(rain_rate.shape[1]):
        for number, threshold in enumerate(thresholds):
            probability[number, lead] = share(rain_rate[:, lead], threshold, disk)
    axis = threshold_axis(thresholds)
    return label_product(probability, forecast, name=name, long_name=long_name, axis=axis, units="1", radius_km=float(radius_km))


def _pixel_km(grid: Grid) -> tuple[float, float]:
    """Width and height of a pixel in the middle of the grid [km]."""
    dx, dy = grid.pixel
    if grid.crs.is_geographic:
        return dx * float(np.cos(np.radians(grid.y.mean()))) * _KM_PER_DEGREE, dy * _KM_PER_DEGREE
    km = grid.crs.axis_info[0].unit_conversion_factor / 1000.0
    return dx * km, dy * km
