"""Do probabilities mean what they say? How often it rained, against how likely it was said to be, and how often that was said."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.benchmark.verification_report.document import Figure, Panel, Section
from stormcell.benchmark.verification_report.drawing import TALL, drawn, plain_numbers
from stormcell.benchmark.verification_report.evidence import Evidence, Pool, chosen_leads, lead_label, long_form
from stormcell.benchmark.verification_report.styles import Style, key_of, styles_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

__all__ = ["reliability_diagram", "reliability_figure"]

_CURVES = ("mean_probability", "observed_frequency", "share")
_READING = (
    "Above, how often it rained where a probability was forecast: on the diagonal probabilities mean what they say, below it they are too "
    "high. Below, how many pixels were given each probability (logarithmic): a sharp forecast has most of them at the ends."
)


def reliability_diagram(evidence: Evidence) -> Section | None:
    """Diagrams of the ensembles at the middle and the last lead time; None where there is no ensemble or no probability."""
    pools = evidence.having(*_CURVES)
    figure = reliability_figure(pools, evidence.ensembles) if pools and evidence.ensembles else None
    return Section("Probabilities of rain", [], [figure]) if figure else None


def reliability_figure(pools: Sequence[Pool], ensembles: Sequence[str]) -> Figure | None:
    """The diagrams of these methods; None where it never rained hard enough.

    Args:
        pools: of scores by `Brier`, one or more.
        ensembles: the methods to show.
    """
    styles = {name: style for name, style in styles_of(pools[0].methods).items() if name in ensembles}
    panels, numbers = [], []
    for pool in pools:
        bins = _bins(pool).sel({"method": list(styles)})
        numbers.append(long_form(bins, pool.event).dropna(subset=["mean_probability"]).assign(cases=pool.cases))
        for lead in chosen_leads(pool):
            for threshold in bins["threshold"].values:
                part = bins.sel(lead_time=lead, threshold=threshold)
                if not bool((part["observed_frequency"] > 0).any()):
                    continue  # it never rained so hard
                title = ", ".join([*([pool.event] if len(pools) > 1 else []), f"{threshold:g} mm/h, {lead_label(lead)}"])
                picture = drawn(partial(_paint, bins=part, styles=styles), size=TALL)
                panels.append(Panel(title, picture, f"Reliability diagram, {title}; the numbers are in the file named below."))
    if not panels:
        return None
    return Figure("reliability", "Reliability and sharpness", _READING, panels, pd.concat(numbers, ignore_index=True), key_of(styles))


def _bins(pool: Pool) -> xr.Dataset:
    """The curves, and how many pixels are behind each of their points."""
    bins = pool.values[list(_CURVES)]
    return bins.assign(pixels=pool.totals.sel(statistic="pixels", drop=True)) if "pixels" in pool.totals["statistic"].values else bins


def _paint(figure: "Canvas", bins: xr.Dataset, styles: dict[str, Style]) -> None:
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color="#555", linewidth=0.8)
    counts = "pixels" if "pixels" in bins else "share"
    for method, style in styles.items():
        said, seen, share = (bins[name].sel({"method": method}).values for name in ("mean_probability", "observed_frequency", counts))
        known = np.isfinite(said)
        above.plot(said[known], seen[known], **style.keywords)
        below.plot(said[known], share[known], **style.keywords)
    above.set(ylim=(0, 1), ylabel="observed frequency")
    below.set(yscale="log", xlim=(-0.03, 1.03), xlabel="forecast probability", ylabel=counts)
    plain_numbers(below.yaxis)
    below.yaxis.set_major_formatter(lambda value, _: _short(value))


def _short(value: float) -> str:
    """1 000 000 as 1M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
