"""The look of the lab's plots: legible at the width of a page, told apart without colour vision."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["COLOURS", "MARKERS", "axes", "error_lines", "style"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Of Okabe and Ito, which stay apart for colour-blind readers; never the only difference between two lines."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""One for each colour."""

_STYLE: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.size": 11.0,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.prop_cycle": mpl.rcsetup.cycler(color=COLOURS),
    "grid.color": "#dddddd",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "stormcell",
}


def style() -> AbstractContextManager[None]:
    """The settings of matplotlib within which all of a plot is drawn: `with style(): ...`, around drawing and saving."""
    return mpl.rc_context(_STYLE)


def axes(columns: int = 1, rows: int = 1, *, height: float = 3.6, sharex: bool = False, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure as wide as the page (8 inches) and its axes, row by row, in the lab's look.

    Args:
        columns: side by side.
        rows: below each other.
        height: of a row [inches].
        sharex, sharey: one scale for all.
    """
    with style():
        figure = Figure(figsize=(8.0, height * rows))
        made = figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey)
        return figure, [one for row in made for one in row]


def error_lines(axis: Axes, networks: Mapping[str, Any], leads: list[int]) -> None:
    """A line of error over lead time for each network, with its number of weights; the mean where it learnt from several starts.

    Args:
        axis: to draw on.
        networks: name -> {"error_by_lead_time": a list for each start, "weights": how many}.
        leads: lead times [steps].
    """
    for number, (name, each) in enumerate(networks.items()):
        mean = np.mean(each["error_by_lead_time"], axis=0)
        axis.plot(leads, mean, color=COLOURS[number], marker=MARKERS[number], label=f"{name}, {each['weights']:,} weights")
