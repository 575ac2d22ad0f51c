"""Where the pixels of a radar image lie on the earth."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from stormcell.errors import FramesError

__all__ = ["Grid"]


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular grid of pixels in a map projection. Row 0 is north, column 0 is west.

    Args:
        crs: coordinate reference system; projected in metres, or geographic in degrees.
        x: centres of the columns, rising, evenly spaced [m, or degrees east].
        y: centres of the rows, falling, evenly spaced [m, or degrees north].

    Raises:
        FramesError: an axis is empty, uneven or runs the wrong way.
    """

    crs: CRS
    x: NDArray[np.floating]
    y: NDArray[np.floating]

    def __post_init__(self) -> None:
        for name, axis, sign in (("x", self.x, 1.0), ("y", self.y, -1.0)):
            if axis.ndim != 1 or axis.size == 0 or not np.all(np.isfinite(axis)):
                raise FramesError(f"grid axis {name}: expected a list of finite cell centres, got shape {axis.shape}")
            steps = np.diff(axis) * sign
            if steps.size and (steps.min() <= 0 or np.ptp(steps) > 1e-2 * steps.mean()):
                way = "west to east" if name == "x" else "north to south"
                raise FramesError(f"grid axis {name}: expected evenly spaced cell centres from {way}, got {axis[:3]} ... {axis[-1]}")

    @classmethod
    def from_edges(cls, crs: object, *, west: float, north: float, pixel: tuple[float, float], shape: tuple[int, int]) -> "Grid":
        """A grid from its outer north-west corner.

        Args:
            crs: anything pyproj understands (PROJ text, EPSG code, WKT).
            west: x of the outer edge of column 0.
            north: y of the outer edge of row 0.
            pixel: width and height of a pixel, both positive.
            shape: (rows, columns).

        Raises:
            FramesError: the projection is not understood, or a size is not positive.
        """
        (dx, dy), (rows, columns) = pixel, shape
        if not (dx > 0 and dy > 0 and rows > 0 and columns > 0 and np.isfinite([west, north, dx, dy]).all()):
            raise FramesError(f"grid: expected positive pixel and grid sizes, got pixel {pixel}, shape {shape}, corner {west}, {north}")
        try:
            known = CRS.from_user_input(crs)
        except CRSError as error:
            raise FramesError(f"grid: the projection {crs!r} is not understood ({error})") from None
        return cls(known, west + dx * (np.arange(columns) + 0.5), north - dy * (np.arange(rows) + 0.5))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.y.size, self.x.size

    @property
    def pixel(self) -> tuple[float, float]:
        """Width and height of a pixel [m, or degrees]; along an axis with a single cell as along the other, 1 if both have one."""
        dx, dy = (float(np.ptp(axis)) / max(axis.size - 1, 1) for axis in (self.x, self.y))
        return dx or dy or 1.0, dy or dx or 1.0

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Outer edges as (west, south, east, north)."""
        dx, dy = self.pixel
        return (
            float(self.x[0] - dx / 2),
            float(self.y[-1] - dy / 2),
            float(self.x[-1] + dx / 2),
            float(self.y[0] + dy / 2),
        )

    @cached_property
    def lonlat_box(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees that holds every pixel.

        Raises:
            FramesError: its projection does not lead back to the earth.
        """
        try:
            to_lonlat = Transformer.from_crs(self.crs, "OGC:CRS84", always_xy=True)
            west, south, east, north = to_lonlat.transform_bounds(*self.edges, densify_pts=21)
        except ProjError as error:
            raise FramesError(f"grid: the projection {self.crs.name!r} does not lead to longitude and latitude ({error})") from None
        return float(west), float(south), float(east), float(north)

    @property
    def pixel_km(self) -> float:
        """Side of a pixel near the middle of the grid [km], the mean of width and height."""
        dx, dy = self.pixel
        if not self.crs.is_geographic:
            return (dx + dy) / 2 * self.crs.axis_info[0].unit_conversion_factor / 1000.0
        km_per_degree = 111.2
        return float((dx * np.cos(np.radians(self.y.mean())) + dy) / 2 * km_per_degree)

    def same_as(self, other: "Grid") -> bool:
        """Do both grids have the same pixels (to a hundredth of a pixel) in the same projection?"""
        if self.shape != other.shape:
            return False
        dx, dy = self.pixel
        aligned = np.allclose(self.x, other.x, rtol=0, atol=dx / 100) and np.allclose(self.y, other.y, rtol=0, atol=dy / 100)
        return aligned and (self.crs == other.crs or self.crs.equals(other.crs, ignore_axis_order=True))

    def crop(self, rows: slice, columns: slice) -> "Grid":
        """The part of the grid in these rows and columns."""
        return Grid(self.crs, self.x[columns], self.y[rows])

    def coarsen(self, factor: int) -> "Grid":
        """The grid of blocks of factor x factor pixels; rows and columns that do not fill a block are dropped at the south and east.

        Raises:
            FramesError: the factor is below 1, or no whole block fits.
        """
        rows, columns = (size // max(factor, 1) for size in self.shape)
        if factor < 1 or rows == 0 or columns == 0:
            raise FramesError(f"grid: cannot make blocks of {factor} pixels from {self.shape[0]} x {self.shape[1]}")
        y = self.y[: rows * factor].reshape(rows, factor).mean(axis=1)
        x = self.x[: columns * factor].reshape(columns, factor).mean(axis=1)
        return Grid(self.crs, x, y)
