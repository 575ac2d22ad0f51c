"""The colour tables: pictures, maps and tiles all take them from here.

Rain rates: up to 20 mm h-1 the classes darken from pale blue to violet; above, they light up through red to yellow, so that the
dangerous core of a storm glows inside its dark rim. Neighbours differ in lightness as well as hue, and the blue and the yellow ends
stay apart for eyes that cannot tell red from green. Dry is transparent; missing has no colour here, because it is not rain.

Who wants other colours for the same classes of rain takes another of `RAIN_TABLES`: cividis gets lighter all the way, so that eyes that
see no colours at all can order it too; radar is the green to red of American weather radars, for those who grew up with it.

Probabilities run from yellow through green to violet, darker the likelier; minutes from dark, soon, to pale, late. Both change in
lightness all the way, so that any eye can order them, and neither can be taken for rain rates.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.colors import BoundaryNorm, Colormap

__all__ = [
    "MINUTES",
    "MISSING",
    "PROBABILITY",
    "RAIN",
    "RAIN_COLOURS",
    "RAIN_LEVELS",
    "RAIN_TABLES",
    "ColourScale",
    "RainTable",
    "rain_class",
    "rain_colour_map",
    "rain_rgba",
]

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


@dataclass(frozen=True)
class ColourScale:
    """Classes of a quantity and their colours.

    Args:
        levels: lower bounds of the classes, rising; the last class is open above.
        colours: of each class, #rrggbb.
        labels: of each lower bound.
        unit: of the labels.
        below: what a value below the first level is.
    """

    levels: tuple[float, ...]
    colours: tuple[str, ...]
    labels: tuple[str, ...]
    unit: str
    below: str

    def classes(self, values: ArrayLike) -> NDArray[np.uint8]:
        """Class of each value: 0 is below the first level, n is at or above the n-th level, `MISSING` is NaN."""
        field = np.asarray(values, dtype=np.float32)
        classes = np.zeros(field.shape, dtype=np.uint8)
        for level in self.levels:
            classes += field >= np.float32(level)  # quicker than a search, and NaN is nowhere above a level
        classes[np.isnan(field)] = MISSING
        return classes


RAIN = ColourScale(RAIN_LEVELS, RAIN_COLOURS, tuple(f"{level:g}" for level in RAIN_LEVELS), "mm/h", "dry")
"""Rain rates [mm h-1]."""

RainTable = Literal["stormcell", "cividis", "radar"]

RAIN_TABLES: dict[RainTable, ColourScale] = {
    "stormcell": RAIN,
    "cividis": replace(
        RAIN,
        colours=(
            "#163770",
            "#3c4a6c",
            "#52596d",
            "#666970",
            "#797977",
            "#8e8978",
            "#a39a74",
            "#b9ab6d",
            "#cebc63",
            "#e4ce53",
            "#fee636",
        ),
    ),
    "radar": replace(
        RAIN,
        colours=(
            "#04e9e7",
            "#019ff4",
            "#0300f4",
            "#02fd02",
            "#01c501",
            "#008e00",
            "#fdf802",
            "#fd9500",
            "#fd0000",
            "#bc0000",
            "#f800fd",
        ),
    ),
}
"""The classes of rain in the colours that may be chosen; the first are the usual ones.

Source of cividis: Nunez, Anderton & Renslow (2018), doi:10.1371/journal.pone.0199239.
"""

PROBABILITY = ColourScale(
    levels=(0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    colours=("#fbee6a", "#aadc32", "#65cb5e", "#31b57b", "#1e9b8a", "#26818e", "#31668e", "#3f4889", "#482677", "#440154"),
    labels=("1", "10", "20", "30", "40", "50", "60", "70", "80", "90"),
    unit="%",
    below="< 1",
)
"""Probabilities [1]: the colours of viridis, reversed, the lowest paler so that red-blind eyes can tell it from the next."""

MINUTES = ColourScale(
    levels=(0.0, 1.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, float("inf")),
    colours=("#140e36", "#3d0f71", "#681c81", "#942c80", "#c03a76", "#e85362", "#fa815f", "#feb47b", "#fde7a9", "#8fb8d4"),
    labels=("now", "1", "10", "20", "30", "45", "60", "90", "120", "later"),
    unit="min",
    below="no rain",
)
"""Time until rain starts or ends [min]: the colours of magma, and a blue for what comes after the forecast."""


def rain_class(rain_rate: ArrayLike) -> NDArray[np.uint8]:
    """Class of each rain rate [mm h-1] on the scale `RAIN`: 0 is dry."""
    return RAIN.classes(rain_rate)


def rain_rgba(rain_rate: ArrayLike) -> NDArray[np.uint8]:
    """Colour of each rain rate [mm h-1] as (..., 4) red, green, blue, alpha; dry and missing are transparent (alpha 0)."""
    table = np.zeros((256, 4), dtype=np.uint8)
    for number, colour in enumerate(RAIN_COLOURS, start=1):
        table[number] = (*bytes.fromhex(colour[1:]), 255)
    return table[rain_class(rain_rate)]


def rain_colour_map() -> "tuple[Colormap, BoundaryNorm]":
    """The table for matplotlib: `imshow(rain_rate, cmap=colour_map, norm=norm)`; dry and missing are transparent."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    colour_map = ListedColormap(RAIN_COLOURS[:-1], name="stormcell_rain").with_extremes(
        bad="#00000000", under="#00000000", over=RAIN_COLOURS[-1]
    )
    return colour_map, BoundaryNorm(RAIN_LEVELS, len(RAIN_LEVELS) - 1)
