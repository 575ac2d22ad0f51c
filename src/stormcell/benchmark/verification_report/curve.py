"""One score of all methods along lead time: as a plot, in words, as a table."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr

from stormcell.benchmark.verification_report.document import Cell, Table
from stormcell.benchmark.verification_report.drawing import lead_time_axis
from stormcell.benchmark.verification_report.evidence import minutes_of, number_text
from stormcell.benchmark.verification_report.score_words import Words
from stormcell.benchmark.verification_report.styles import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

__all__ = ["Curve", "limits_of"]

_MOST_COLUMNS = 6  # of lead times in the table


class Curve(NamedTuple):
    """A score with its bounds.

    Attributes:
        words: what the score is.
        title: of the panel: what sets it apart from the others of its figure.
        score: (bound, method, lead_time).
    """

    words: Words
    title: str
    score: xr.DataArray

    @property
    def known(self) -> bool:
        """Is the score defined anywhere?"""
        return bool(self.score.notnull().any())

    @property
    def alt(self) -> str:
        """The plot in words."""
        last = self.score.sel(bound="estimate").isel(lead_time=-1)
        said = "; ".join(f"{name} {number_text(value)}" for name, value in zip(last["method"].values, last.values, strict=True))
        return f"{self.words.label} by lead time, {self.title}. After {minutes_of(last['lead_time']):g} min: {said}."

    @property
    def table(self) -> Table:
        """At a few lead times, the last one among them."""
        step = -(-self.score.sizes["lead_time"] // _MOST_COLUMNS)
        score = self.score.isel(lead_time=slice((self.score.sizes["lead_time"] - 1) % step, None, step))
        rows: list[list[str | Cell]] = []
        for method in score["method"].values:
            low, middle, high = score.sel({"method": method}).values
            rows.append([str(method), *(_with_bounds(*three) for three in zip(low, middle, high, strict=True))])
        return Table(f"{self.words.label}, {self.title}", ["method", *(f"{at:g} min" for at in minutes_of(score["lead_time"]))], rows)

    def paint(self, figure: "Canvas", *, styles: dict[str, Style], limits: tuple[float, float]) -> None:
        """Lines with markers, in their bands."""
        axes = figure.add_subplot()
        minutes = minutes_of(self.score["lead_time"])
        for method, style in styles.items():
            low, middle, high = self.score.sel({"method": method}).values
            axes.fill_between(minutes, low, high, color=style.colour, alpha=0.15, linewidth=0)
            axes.plot(minutes, middle, **style.keywords)
        if self.words.best is not None and limits[0] <= self.words.best <= limits[1]:
            axes.axhline(self.words.best, color="#555", linewidth=0.8, zorder=1.5)
        lead_time_axis(axes, minutes)
        axes.set(ylabel=self.words.label, ylim=limits)


def limits_of(curves: list[Curve]) -> tuple[float, float]:
    """Of the y axis, common to curves of one score, so that they can be compared."""
    words = curves[0].words
    values = np.concatenate([curve.score.values.ravel() for curve in curves])
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    if words.falls_to_0:
        low = min(0.0, low)
    elif words.best is not None:
        low, high = min(low, words.best), max(high, words.best)
    margin = 0.05 * (high - low) or 0.05
    return low - (0 if low == 0 and words.falls_to_0 else margin), high + margin


def _with_bounds(low: float, value: float, high: float) -> str:
    return number_text(value) if np.isnan(low) else f"{number_text(value)} ({number_text(low)} to {number_text(high)})"
