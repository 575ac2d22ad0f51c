"""One picture of rain after the other, quickly: what stays the same is drawn once, the rain is put in as an array."""

from typing import final

import numpy as np
from numpy.typing import NDArray

from stormcell.products.colours import MISSING, ColourScale
from stormcell.products.pictures.layout import DRY, FORECAST, OBSERVED, UNSEEN, UNSEEN_HATCH, Layout, rgb
from stormcell.products.pictures.overlay import Overlay
from stormcell.products.pictures.scenes import Scene, Scenes
from stormcell.products.pictures.surroundings import Surroundings

__all__ = ["Chart", "Picture"]

Picture = NDArray[np.uint8]
"""(height, width, 3) red, green, blue."""

_HATCHED = MISSING - 1  # the class of a missing pixel that lies on a line of the hatching
_EDGE = 2  # pixels of the coloured line around the map


@final
class Chart:
    """Draws the scenes of one forecast.

    Args:
        scenes: what will be drawn; their grid, times and attributes make the parts that stay the same.
    """

    def __init__(self, scenes: Scenes) -> None:
        grid = scenes.grid
        self._layout = layout = Layout.for_grid(grid)
        rows, columns = np.arange(layout.map_height), np.arange(layout.map_width)
        self._nearest = (rows * grid.shape[0] // rows.size)[:, np.newaxis], columns * grid.shape[1] // columns.size
        self._hatch = (rows[:, np.newaxis] + columns) % 8 < 2
        self._scale = scenes.scale
        self._table = _colour_table(scenes.scale)
        self._overlay = Overlay(grid, layout)
        self._surroundings = Surroundings(scenes, layout)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures [pixels], both even."""
        return self._layout.size

    def draw(self, scene: Scene) -> Picture:
        """The picture of a scene."""
        layout = self._layout
        picture = self._surroundings.draw(scene)
        framed = picture[
            layout.top - _EDGE : layout.top + layout.map_height + _EDGE,
            layout.map_left - _EDGE : layout.map_left + layout.map_width + _EDGE,
        ]
        framed[:] = rgb(OBSERVED if scene.lead_time is None else FORECAST)
        framed[_EDGE:-_EDGE, _EDGE:-_EDGE] = self._map(scene)
        return picture

    def _map(self, scene: Scene) -> Picture:
        classes = self._scale.classes(scene.values)[self._nearest]
        classes[(classes == MISSING) & self._hatch] = _HATCHED
        coloured = self._table[classes]
        self._overlay.lay_over(coloured)
        return coloured


def _colour_table(scale: ColourScale) -> Picture:
    """Colour of every class: below the scale, on it, missing, and missing on a line of the hatching."""
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: len(scale.colours) + 1] = [rgb(colour) for colour in (DRY, *scale.colours)]
    table[MISSING], table[_HATCHED] = rgb(UNSEEN), rgb(UNSEEN_HATCH)
    return table
