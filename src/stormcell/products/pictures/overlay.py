"""What lies over the rain and stays the same: graticule, coastlines, borders, scale bar. Drawn once, on a transparent sheet."""

from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from stormcell.grid import Grid
from stormcell.products.coastlines import map_lines
from stormcell.products.pictures.layout import INK, PAPER, Layout, figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Overlay"]

_SMALLEST_ISLAND = 4  # pixels; what is smaller only clutters
_BORDER, _COAST, _HALO, _GRATICULE = "#5b4636", "#22303c", "#ffffff70", "#7a8a9950"
_INTERVALS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30)  # degrees between lines of the graticule


@final
class Overlay:
    """The sheet over the map of a grid.

    Only the pixels that it touches are kept, a few in a hundred, so that laying it over a picture costs little.

    Args:
        grid: what the map shows.
        layout: how large the map is.
    """

    def __init__(self, grid: Grid, layout: Layout) -> None:
        figure, canvas = figure_of(layout.map_width, layout.map_height, "none")
        west, south, east, north = grid.edges
        axes = _axes(figure, (west, east), (south, north))
        _add_graticule(axes, grid)
        _add_lines(axes, grid, layout)
        _add_scale_bar(figure, layout)
        canvas.draw()
        sheet = np.asarray(canvas.buffer_rgba()).reshape(-1, 4)
        self._where: NDArray[np.intp] = np.flatnonzero(sheet[:, 3])
        self._colour: NDArray[np.uint16] = sheet[self._where, :3].astype(np.uint16)
        self._alpha: NDArray[np.uint16] = sheet[self._where, 3:].astype(np.uint16)

    def lay_over(self, picture: NDArray[np.uint8]) -> None:
        """Blend the sheet into a (y, x, 3) picture of the map, in place."""
        pixels = picture.reshape(-1, 3)
        below = pixels[self._where]
        pixels[self._where] = ((below * (255 - self._alpha) + self._colour * self._alpha + 127) // 255).astype(np.uint8)


def _axes(figure: "Figure", x: tuple[float, float], y: tuple[float, float]) -> Any:
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
    axes.set(xlim=x, ylim=y)
    axes.set_axis_off()
    return axes


def _add_lines(axes: Any, grid: Grid, layout: Layout) -> None:
    """Coastlines and borders, each on a pale halo that keeps it visible over heavy rain."""
    from matplotlib.collections import LineCollection

    lines = map_lines(grid)
    smallest = _SMALLEST_ISLAND * np.ptp(grid.edges[::2]) / layout.map_width
    coast = [line for line in lines.coast if np.ptp(line, axis=0).max() >= smallest]
    thin = 1.0 if layout.pixels_per_km > 0.4 else 0.7  # a continent has many fjords
    for drawn, width, colour in ((lines.borders + coast, 2.2, _HALO), (lines.borders, 0.8, _BORDER), (coast, 0.9, _COAST)):
        axes.add_collection(LineCollection(drawn, linewidths=thin * width, colors=colour, capstyle="round"), autolim=False)


def _add_graticule(axes: Any, grid: Grid) -> None:
    """Thin meridians and parallels, with their degrees along the upper and the right edge."""
    from pyproj import Transformer

    (west, south, east, north), (rows, columns) = grid.edges, (200, 200)
    x, y = np.linspace(west, east, columns), np.linspace(north, south, rows)
    with np.errstate(invalid="ignore"):
        lon, lat = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True).transform(*np.meshgrid(x, y))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()) or np.abs(lat).max() > 88.0:
        return  # the map looks past the limb of the earth, or holds a pole
    lon = np.unwrap(np.unwrap(lon, period=360.0, axis=1), period=360.0, axis=0)
    for degrees, edge, along, names in ((lon, lon[0], x, "EW"), (lat, lat[:, -1], y, "NS")):
        interval = next((step for step in _INTERVALS if np.ptp(degrees) / step <= 7), _INTERVALS[-1])
        values = np.arange(np.ceil(degrees.min() / interval), np.floor(degrees.max() / interval) + 1) * interval
        if values.size == 0:
            continue
        axes.contour(x, y, degrees, levels=values, colors=_GRATICULE, linewidths=0.6, linestyles="solid")
        for value in values:
            place = np.flatnonzero(np.diff(np.sign(edge - value)))
            share = place[0] / along.size if place.size else 0.0
            if 0.06 < share < 0.94:
                wrapped = (value + 180.0) % 360.0 - 180.0
                text = f"{abs(wrapped):g}°{names[int(wrapped < 0)] if wrapped else ''}"
                spot, ha, va = ((share, 0.992), "center", "top") if names == "EW" else ((0.994, 1 - share), "right", "center")
                axes.text(*spot, text, ha=ha, va=va, transform=axes.transAxes, fontsize=7, color="#4d5b68", bbox=_LABEL_BOX)


_LABEL_BOX = {"boxstyle": "round,pad=0.15", "facecolor": "#ffffffa0", "edgecolor": "none"}


def _add_scale_bar(figure: "Figure", layout: Layout) -> None:
    """A bar of a round number of kilometres, at most a sixth of the map, in its lower left corner."""
    from matplotlib.patches import FancyBboxPatch, Rectangle

    longest = layout.map_width / 6 / layout.pixels_per_km
    rounds = [step * 10.0**power for power in range(-2, 5) for step in (1, 2, 5)]
    km = max((length for length in rounds if length <= longest), default=longest)
    pixels = km * layout.pixels_per_km
    axes = _axes(figure, (0, layout.map_width), (0, layout.map_height))
    axes.add_patch(FancyBboxPatch((14, 14), pixels + 12, 24, boxstyle="round,pad=2", facecolor="#ffffffd0", edgecolor="none"))
    for start, colour in ((20.0, INK), (20.0 + pixels / 2, PAPER)):
        axes.add_patch(Rectangle((start, 17), pixels / 2, 5, facecolor=colour, edgecolor=INK, linewidth=0.8))
    axes.text(20 + pixels / 2, 25, f"{km:g} km", ha="center", va="bottom", fontsize=8.5, color=INK)
