"""Where the parts of a picture lie. All lengths are in pixels, from the upper left corner."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stormcell.grid import Grid
from stormcell.products.pictures.scenes import LONGEST_SIDE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DRY", "FAINT", "FORECAST", "INK", "OBSERVED", "PAPER", "UNSEEN", "UNSEEN_HATCH", "Layout", "figure_of", "rgb"]

INK, FAINT, PAPER = "#1d2733", "#6b7783", "#ffffff"
DRY, UNSEEN, UNSEEN_HATCH = "#f8f8f5", "#dcdcda", "#b9b9b6"
OBSERVED, FORECAST = "#1c5d7d", "#c2410c"

_DPI = 100
_NARROWEST_MAP = 520  # room for the labels above it


@dataclass(frozen=True)
class Layout:
    """The map and the room around it.

    Args:
        map_width: width of the map.
        map_height: height of the map.
        pixels_per_km: pixels of the map that a kilometre on the ground takes, east to west in its middle.
    """

    map_width: int
    map_height: int
    pixels_per_km: float

    left, top, right_margin, bottom_margin = 16, 78, 92, 84

    @classmethod
    def for_grid(cls, grid: Grid) -> "Layout":
        """A map of about `LONGEST_SIDE` pixels that shows the grid in its right proportions."""
        rows, columns = grid.shape
        km_wide, km_high = _extent_km(grid)
        proportion = (km_high / rows) / (km_wide / columns) if grid.crs.is_geographic else grid.pixel[1] / grid.pixel[0]
        zoom = LONGEST_SIDE / max(rows * proportion, columns)
        zoom = 1.0 if 1.0 <= zoom < 1.25 else zoom  # a pixel for a pixel where that is near enough
        width, height = max(2, round(columns * zoom)), max(2, round(rows * proportion * zoom))
        return cls(width, height, width / km_wide)

    @property
    def map_left(self) -> int:
        """Left edge of the map; a narrow one is centred."""
        return self.left + max(0, _NARROWEST_MAP - self.map_width) // 2

    @property
    def right(self) -> int:
        """Right end of the column of the map; the colour bar lies beyond."""
        return self.left + max(self.map_width, _NARROWEST_MAP)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture, both even, as video wants them."""
        width, height = self.right + self.right_margin, self.top + self.map_height + self.bottom_margin
        return width + width % 2, height + height % 2


def _extent_km(grid: Grid) -> tuple[float, float]:
    """Width and height of the grid, measured on the ground through its middle half [km]."""
    from pyproj import Geod, Transformer

    west, south, east, north = grid.edges
    x, y, dx, dy = (west + east) / 2, (south + north) / 2, (east - west) / 4, (north - south) / 4
    to_lonlat = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True)
    lon, lat = to_lonlat.transform(np.array([x - dx, x, x + dx, x, x, x]), np.array([y, y, y, y - dy, y, y + dy]))
    ground = Geod(ellps="WGS84")
    return float(ground.line_length(lon[:3], lat[:3])) / 500.0, float(ground.line_length(lon[3:], lat[3:])) / 500.0


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green, blue of #rrggbb."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def figure_of(width: int, height: int, background: str) -> "tuple[Figure, Any]":
    """An empty figure of this size and its Agg canvas (which has no types); pyplot and its global state stay out of it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=background)
    return figure, FigureCanvasAgg(figure)
