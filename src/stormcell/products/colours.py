"""The one colour table for rain rates: pictures, maps and tiles all take it from here.

Up to 20 mm h-1 the classes darken from pale blue to violet; above, they light up through red to yellow, so that the dangerous core
of a storm glows inside its dark rim. Neighbours differ in lightness as well as hue, and the blue and the yellow ends stay apart
for eyes that cannot tell red from green. Dry is transparent; missing has no colour here, because it is not rain.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.colors import BoundaryNorm, ListedColormap

__all__ = ["MISSING", "RAIN_COLOURS", "RAIN_LEVELS", "rain_class", "rain_colour_map", "rain_rgba"]

RAIN_LEVELS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0, 100.0)
"""Lower bounds of the classes [mm h-1]; the last class is open above."""

RAIN_COLOURS = (
    "#cbe6f2",
    "#a6d4ec",
    "#7bbce3",
    "#4e9dd6",
    "#3079c2",
    "#2b53a0",
    "#30206b",
    "#8a2d96",
    "#d03577",
    "#f4743b",
    "#fdd835",
)
"""Colour of each class of `RAIN_LEVELS`, #rrggbb."""

MISSING = 255
"""The class of a pixel that the radar did not see."""


def rain_class(rain_rate: ArrayLike) -> NDArray[np.uint8]:
    """Class of each rain rate [mm h-1]: 0 is dry (below the first level), n is at or above the n-th level, `MISSING` is NaN."""
    rate = np.asarray(rain_rate, dtype=np.float32)
    classes = np.zeros(rate.shape, dtype=np.uint8)
    for level in RAIN_LEVELS:
        classes += rate >= np.float32(level)  # quicker than a search, and NaN is nowhere above a level
    classes[np.isnan(rate)] = MISSING
    return classes


def rain_rgba(rain_rate: ArrayLike) -> NDArray[np.uint8]:
    """Colour of each rain rate [mm h-1] as (..., 4) red, green, blue, alpha; dry and missing are transparent (alpha 0)."""
    table = np.zeros((256, 4), dtype=np.uint8)
    for number, colour in enumerate(RAIN_COLOURS, start=1):
        table[number] = (*bytes.fromhex(colour[1:]), 255)
    return table[rain_class(rain_rate)]


def rain_colour_map() -> "tuple[ListedColormap, BoundaryNorm]":
    """The table for matplotlib: `imshow(rain_rate, cmap=colour_map, norm=norm)`; dry and missing are transparent."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    colour_map = ListedColormap(RAIN_COLOURS[:-1], name="stormcell_rain", bad="#00000000", under="#00000000", over=RAIN_COLOURS[-1])
    return colour_map, BoundaryNorm(RAIN_LEVELS, len(RAIN_LEVELS) - 1)
