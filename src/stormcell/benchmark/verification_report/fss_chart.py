"""From which size of area on the forecast of rain cover is useful, rate by rate."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.benchmark.verification_report.document import Figure, Panel, Section
from stormcell.benchmark.verification_report.drawing import SQUARE, drawn
from stormcell.benchmark.verification_report.evidence import Evidence, chosen_leads, lead_label, long_form

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

__all__ = ["fss_chart"]

_READING = (
    "Do forecast and radar have the same share of rain (columns) in squares of this side (rows)? Higher is better, 1 is perfect; from "
    "about 0.5 on, framed in black, a forecast is called useful for areas of that size. Larger squares forgive more."
)
_USEFUL = 0.5


def fss_chart(evidence: Evidence, pixel_km: float | None) -> Section | None:
    """A chart for each method at the middle and the last lead time; None where FSS was not computed.

    Args:
        evidence: all scores.
        pixel_km: side of a pixel, if it is the same in all events; sides of windows are then in km too.
    """
    pools = [pool for pool in evidence.having("fss") if {"threshold", "window"} <= set(pool.values["fss"].dims)]
    if not pools:
        return None
    panels, numbers = [], []
    for pool in pools:
        numbers.append(long_form(pool.values[["fss"]], pool.event).assign(cases=pool.cases))
        for lead in chosen_leads(pool):
            for method in pool.methods:
                part = pool.values["fss"].sel({"method": method, "lead_time": lead}).transpose("window", "threshold")
                title = ", ".join([*([pool.event] if len(pools) > 1 else []), f"{method}, {lead_label(lead)}"])
                picture = drawn(partial(_paint, fss=part, pixel_km=pixel_km), size=SQUARE)
                panels.append(Panel(title, picture, f"Fractions skill score by window and threshold, {title}; numbers in the file below."))
    figure = Figure("fss", "Fractions skill score by size of area and rain rate", _READING, panels, pd.concat(numbers, ignore_index=True))
    return Section("Size of area", [], [figure])


def _paint(figure: "Canvas", fss: xr.DataArray, pixel_km: float | None) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    axes = figure.add_subplot()
    axes.grid(False)
    colours = colormaps["cividis"]
    axes.pcolormesh(np.ma.masked_invalid(fss.values), cmap=colours, vmin=0, vmax=1, edgecolors="white", linewidth=0.8)
    rows, columns = fss.shape
    for row, column in np.ndindex(rows, columns):
        value = float(fss.values[row, column])
        colour = "black" if not value < 0.55 else "white"
        axes.text(
            column + 0.5, row + 0.5, f"{value:.2f}" if np.isfinite(value) else "-", ha="center", va="center", fontsize=8, color=colour
        )
        if value >= _USEFUL:
            axes.add_patch(Rectangle((column + 0.06, row + 0.08), 0.88, 0.84, fill=False, edgecolor="black", linewidth=1.1))
    windows = fss["window"].values
    labels = [f"{window * pixel_km:.3g}" if pixel_km else f"{window}" for window in windows]
    axes.set(xlabel="rain rate at or above [mm/h]", ylabel=f"side of the square [{'km' if pixel_km else 'pixels'}]")
    axes.set_xticks(np.arange(columns) + 0.5, [f"{threshold:g}" for threshold in fss["threshold"].values])
    axes.set_yticks(np.arange(rows) + 0.5, labels)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
