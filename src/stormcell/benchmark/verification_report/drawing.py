"""Plots as SVG that goes into a page: small, the same bytes for the same numbers, and with text that stays text."""

import re
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["PANEL", "SQUARE", "TALL", "drawn", "lead_time_axis", "own_ids", "plain_numbers"]

PANEL, SQUARE, TALL = (2.6, 2.15), (2.6, 2.4), (2.6, 3.1)
"""Width and height of plots [inches]: four of them stand side by side on a screen or on paper, one on a telephone."""

_INK, _FAINT = "#1d2733", "#d5dadf"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "stormcell",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "grid.color": _FAINT,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "patch.linewidth": 0.6,
    "text.color": _INK,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "figure.facecolor": "white",
    "savefig.transparent": False,
}


def drawn(
    paint: "Callable[[Canvas], None]", *, size: tuple[float, float] = PANEL, layout: Literal["constrained"] | None = "constrained"
) -> str:
    """The SVG of what `paint` puts on an empty figure of this size [inches]; whatever style the user has set plays no part."""
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Canvas(figsize=size, layout=layout)
        paint(figure)
        file = StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return _slim(file.getvalue())


def _slim(svg: str) -> str:
    """Without what a page has no use for: prolog, metadata, style for the whole page, fonts by name, digits of no use."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<defs>\s*</defs>", "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1">', svg)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*; ", "", svg)
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), svg)
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)
    return re.sub(r"\s*\n\s*", "\n", svg).strip()


def own_ids(svg: str, prefix: str) -> str:
    """The same picture with other ids, so that several of them can stand on one page."""
    return re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{prefix}", svg)


def lead_time_axis(axes: "Axes", minutes: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """An x axis of lead times, marked where there are values, or at some of them."""
    from matplotlib.ticker import FixedLocator

    places = minutes if minutes.size <= 7 else minutes[:: -(-minutes.size // 6)]
    margin = 0.04 * (minutes[-1] - minutes[0]) or 1.0
    axes.set(xlabel="lead time [min]", xlim=(minutes[0] - margin, minutes[-1] + margin))
    axes.xaxis.set_major_locator(FixedLocator([float(place) for place in places]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def plain_numbers(axis: Any) -> None:
    """Logarithmic axes with 100 instead of a power of ten, and no marks between that need a label."""
    from matplotlib.ticker import NullFormatter

    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())
