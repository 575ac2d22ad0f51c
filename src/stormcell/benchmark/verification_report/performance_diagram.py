"""Hit rate against success ratio, with the lines of equal CSI and bias: what a method pays for what it catches.

Source: Roebber (2009), doi:10.1175/2008WAF2222159.1.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.benchmark.verification_report.document import Figure, Panel, Section
from stormcell.benchmark.verification_report.drawing import SQUARE, drawn
from stormcell.benchmark.verification_report.evidence import Evidence, Pool, long_form
from stormcell.benchmark.verification_report.styles import Style, key_of, styles_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["performance_diagram"]

_READING = (
    "Each line follows a method from its first lead time (large marker) to its last: the nearer to the upper right corner the better; up "
    "is more of the rain caught, right is fewer false alarms. Grey curves join equal CSI, dashed lines equal bias (above 1 too much area)."
)


def performance_diagram(evidence: Evidence) -> Section | None:
    """A diagram for each threshold; None where POD and FAR were not computed."""
    blocks = []
    for family in dict.fromkeys(pool.family for pool in evidence.having("pod", "far")):
        pools = [pool for pool in evidence.having("pod", "far") if pool.family == family and "threshold" in pool.values["pod"].dims]
        points = [(pool, _points(pool)) for pool in pools]
        if not points:
            continue
        styles = styles_of(pools[0].methods)
        panels = [
            Panel(
                ", ".join([*([pool.event] if len(pools) > 1 else []), f"{threshold:g} mm/h"]),
                drawn(partial(_paint, points=part, styles=styles), size=SQUARE),
                f"Performance diagram at {threshold:g} mm/h; the numbers are in the file named below.",
            )
            for pool, of_pool in points
            for threshold in of_pool["threshold"].values
            if bool((part := of_pool.sel(threshold=threshold)).to_array().notnull().all("variable").any())
        ]
        numbers = pd.concat([long_form(of_pool, pool.event).assign(cases=pool.cases) for pool, of_pool in points], ignore_index=True)
        if panels:
            blocks.append(
                Figure(
                    f"{family}_performance", f"Performance diagram{evidence.note('pod', family)}", _READING, panels, numbers, key_of(styles)
                )
            )
    return Section("Caught rain and false alarms", [], list(blocks)) if blocks else None


def _points(pool: Pool) -> xr.Dataset:
    return xr.Dataset({"success_ratio": 1 - pool.values["far"], "pod": pool.values["pod"]})


def _paint(figure: "Canvas", points: xr.Dataset, styles: dict[str, Style]) -> None:
    axes = figure.add_subplot(aspect="equal")
    axes.grid(False)
    _paint_csi_and_bias(axes)
    for method, style in styles.items():
        x, y = (points[name].sel({"method": method}).values for name in ("success_ratio", "pod"))
        axes.plot(x, y, **style.keywords, zorder=3)
        axes.plot(x[:1], y[:1], color=style.colour, marker=style.marker, markersize=8, linestyle="none", markeredgecolor="black", zorder=4)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="success ratio (1 - FAR)", ylabel="hit rate (POD)")


def _paint_csi_and_bias(axes: "Axes") -> None:
    pale: dict[str, Any] = {"color": "#b8c0c8", "linewidth": 0.7, "zorder": 1}
    words: dict[str, Any] = {"fontsize": 6.5, "color": "#4d5b68", "va": "center"}
    success = np.linspace(0.01, 1, 200)
    for tenths in range(1, 10):
        csi = tenths / 10
        right = success[success >= csi]
        pod = 1 / (1 / csi + 1 - 1 / right)
        axes.plot(right[pod <= 1], pod[pod <= 1], **pale)
        if tenths % 2 == 0:
            axes.text(1.015, csi, f"CSI {csi:.1f}", **words)
    for bias in (0.5, 1, 2):
        axes.plot([0, min(1, 1 / bias)], [0, min(1, bias)], **pale, linestyle=(0, (4, 3)))
    axes.text(1.015, 0.5, "bias 0.5", **words)
    axes.text(1.015, 1.0, "bias 1", **words)
    axes.text(0.5, 1.03, "bias 2", ha="center", **words)
