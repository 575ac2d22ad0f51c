"""What a warning at each probability would catch, and how often it would be false."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.benchmark.verification_report.document import Figure, Panel, Section
from stormcell.benchmark.verification_report.drawing import SQUARE, drawn
from stormcell.benchmark.verification_report.evidence import Evidence, chosen_leads, lead_label, long_form
from stormcell.benchmark.verification_report.styles import Style, key_of, styles_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

__all__ = ["roc_curve"]

_READING = (
    "Each marker is a warning given from some probability on: up, the share of the rain that it catches; right, the share of the dry area "
    "that it warns for nothing. The nearer to the upper left corner the better; the diagonal is chance. A single forecast has one marker."
)


def roc_curve(evidence: Evidence) -> Section | None:
    """Curves at the middle and the last lead time; None where there is no ensemble or no probability."""
    pools = evidence.having("hit_rate", "false_alarm_rate")
    if not pools or not evidence.ensembles:
        return None
    styles = styles_of(pools[0].methods)
    panels, numbers = [], []
    for pool in pools:
        curves = pool.values[["false_alarm_rate", "hit_rate", "mean_probability"]]
        numbers.append(long_form(curves, pool.event).dropna(subset=["mean_probability"]).assign(cases=pool.cases))
        for lead in chosen_leads(pool):
            for threshold in curves["threshold"].values:
                part = curves.sel(lead_time=lead, threshold=threshold)
                if not bool(part["hit_rate"].notnull().any()):
                    continue
                title = ", ".join([*([pool.event] if len(pools) > 1 else []), f"{threshold:g} mm/h, {lead_label(lead)}"])
                picture = drawn(partial(_paint, curves=part, styles=styles), size=SQUARE)
                panels.append(Panel(title, picture, f"ROC curves, {title}; the numbers are in the file named below."))
    if not panels:
        return None
    figure = Figure("roc", "Warnings and false warnings (ROC)", _READING, panels, pd.concat(numbers, ignore_index=True), key_of(styles))
    return Section("Warnings from probabilities", [], [figure])


def _paint(figure: "Canvas", curves: xr.Dataset, styles: dict[str, Style]) -> None:
    axes = figure.add_subplot(aspect="equal")
    axes.plot([0, 1], [0, 1], color="#555", linewidth=0.8)
    for method, style in styles.items():
        used = curves.sel({"method": method})
        used = used.isel(forecast_probability=np.flatnonzero(used["mean_probability"].notnull().values))
        x, y = (np.append(used[name].values, 0.0) for name in ("false_alarm_rate", "hit_rate"))  # and never a warning
        axes.plot(x, y, **style.keywords, markevery=slice(1, -1))
    axes.set(xlim=(-0.02, 1), ylim=(0, 1.02), xlabel="false alarm rate", ylabel="hit rate")
