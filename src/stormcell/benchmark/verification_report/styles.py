"""How each method looks in every plot: colour, marker and line differ, so that one of them is enough to tell methods apart.

The colours are those of Okabe & Ito (2008), Color Universal Design, which colour-blind people can tell apart; black is left for what
was observed, and their yellow, too pale for lines on paper, is left out.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from stormcell.benchmark.verification_report.document import KeyEntry
from stormcell.benchmark.verification_report.drawing import drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

__all__ = ["OBSERVED", "Style", "key_of", "styles_of"]

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)))


class Style(NamedTuple):
    """Colour, marker and line style, as matplotlib names them."""

    colour: str
    marker: str
    line: Any

    @property
    def keywords(self) -> dict[str, Any]:
        """For `Axes.plot`."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.line}


OBSERVED = Style("#000000", "", "-")


def styles_of(methods: Iterable[str]) -> dict[str, Style]:
    """Method -> its style, by its place in the run; the lengths have no common factor, so that 210 methods look different."""
    return {
        name: Style(_COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)], _LINES[number % len(_LINES)])
        for number, name in enumerate(methods)
    }


def key_of(styles: dict[str, Style], *, lines: bool = True) -> list[KeyEntry]:
    """The key to these styles; without `lines`, of the colours alone."""
    return [KeyEntry(_swatch(style, lines), name) for name, style in styles.items()]


def _swatch(style: Style, lines: bool) -> str:
    def paint(figure: "Canvas") -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set(xlim=(0, 1), ylim=(-1, 1))
        if lines:
            axes.plot([0.04, 0.5, 0.96], [0, 0, 0], **style.keywords, markevery=[1])
        else:
            axes.bar([0.5], [1.2], 0.5, bottom=-0.6, color=style.colour, edgecolor="black", linewidth=0.5)

    return drawn(paint, size=(0.5, 0.16), layout=None)
