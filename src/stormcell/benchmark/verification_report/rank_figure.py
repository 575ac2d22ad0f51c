"""Where what came lies among the members of an ensemble."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.benchmark.verification_report.document import Figure, Panel, Section
from stormcell.benchmark.verification_report.drawing import PANEL, drawn
from stormcell.benchmark.verification_report.evidence import Evidence, chosen_leads, lead_label, long_form
from stormcell.benchmark.verification_report.styles import Style, styles_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

__all__ = ["rank_figure"]

_READING = (
    "How many members lie below what came, over all pixels that were not dry in all of them: flat along the line if what came could be one "
    "of the members, a U if the ensemble is too narrow, higher at the left if it is too wet, at the right if it is too dry."
)


def rank_figure(evidence: Evidence) -> Section | None:
    """A histogram for each ensemble at the middle and the last lead time; None where there is none."""
    pools = [pool for pool in evidence.having("frequency") if "rank" in pool.values["frequency"].dims]
    if not pools or not evidence.ensembles:
        return None
    styles = {name: style for name, style in styles_of(pools[0].methods).items() if name in evidence.ensembles}
    panels, numbers = [], []
    for pool in pools:
        frequency = pool.values[["frequency"]].sel({"method": list(styles)})
        numbers.append(long_form(frequency, pool.event).dropna().assign(cases=pool.cases))
        highest = float(frequency["frequency"].sel(lead_time=chosen_leads(pool)).max())
        for lead in chosen_leads(pool):
            for method, style in styles.items():
                values = frequency["frequency"].sel({"lead_time": lead, "method": method}).dropna("rank")
                if values.size:
                    title = ", ".join([*([pool.event] if len(pools) > 1 else []), f"{method}, {lead_label(lead)}"])
                    picture = drawn(partial(_paint, frequency=values, style=style, highest=highest), size=PANEL)
                    shares = ", ".join(f"{value:.3f}" for value in values.values)
                    panels.append(Panel(title, picture, f"Rank histogram, {title}: {shares}; flat is {1 / values.size:.3f}."))
    if not panels:
        return None
    figure = Figure("rank_histogram", "Rank histogram", _READING, panels, pd.concat(numbers, ignore_index=True))
    return Section("Spread of the ensemble", [], [figure])


def _paint(figure: "Canvas", frequency: xr.DataArray, style: Style, highest: float) -> None:
    axes = figure.add_subplot()
    axes.grid(axis="x", visible=False)
    ranks = np.arange(frequency.size)
    axes.bar(ranks, frequency.values, 0.9, color=style.colour, edgecolor="black")
    axes.axhline(1 / frequency.size, color="black", linewidth=1, linestyle=(0, (5, 2)))
    step = max(1, -(-frequency.size // 8))
    axes.set(
        xticks=ranks[::step],
        xlabel="members below what came",
        ylabel="share of pixels",
        xlim=(-0.6, frequency.size - 0.4),
        ylim=(0, 1.05 * highest),
    )
