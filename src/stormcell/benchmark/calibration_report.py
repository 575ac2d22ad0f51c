"""The report of a calibration: reliability, or the distribution of rain rates, before and after, on cases that it was not learnt from."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.benchmark.results import POOLED, DailySums
from stormcell.benchmark.verification_report import write_document
from stormcell.benchmark.verification_report.document import Block, Cell, Document, Figure, Panel, Section, Table
from stormcell.benchmark.verification_report.drawing import PANEL, drawn, plain_numbers
from stormcell.benchmark.verification_report.evidence import Pool, chosen_leads, lead_label, long_form, number_text
from stormcell.benchmark.verification_report.reliability_diagram import reliability_figure
from stormcell.benchmark.verification_report.styles import OBSERVED, Style, key_of, styles_of
from stormcell.methods.calibration import Calibration, Kind
from stormcell.verification import Brier
from stormcell.verification.decision_rates import DecisionRates
from stormcell.verification.rain_rates import RATES, RainRates

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

__all__ = ["write_calibration_report"]

_WORDS = {
    "brier": ("Brier score", -1),
    "reliability": ("Brier score's part for reliability", -1),
    "brier_skill": ("Brier skill score", 1),
    "csi": ("critical success index", 1),
    "distance": ("largest difference of the distributions", -1),
}
_SHOWN = (0.5, 2.0, 5.0, 10.0)  # mm h-1, of decisions
_MARKS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
_LEARNT = "Each case is calibrated by what the cases of other folds taught; the file holds what all of them teach."


def write_calibration_report(
    folder: str | Path, calibration: Calibration, *, name: str, before: xr.DataArray, after: xr.DataArray
) -> list[Path]:
    """Write `report.html`, `report.md` and the numbers behind them.

    Args:
        folder: where to.
        calibration: what was learnt.
        name: of the method.
        before: sums (case, lead_time, ..., statistic) of the forecasts as they were: of `Brier`, for a quantile map of `RainRates`, for
            decisions of `DecisionRates`.
        after: of the same cases, calibrated while held out.

    Raises:
        WriteError: the folder cannot be written.
    """
    pool = _pool(calibration, name, before, after)
    first, last = (calibration.data.get(key) for key in ("first_issue_time", "last_issue_time"))
    facts = (
        f"{calibration.cases} forecasts by {name}{f', issued from {first} to {last}' if first else ''}, {calibration.members} "
        f"{'member' if calibration.members == 1 else 'members'} each, on {pool.days} {'day' if pool.days == 1 else 'days'}. {_LEARNT}"
    )
    figure = _figure(pool, calibration.kind)
    blocks: list[Block] = [figure, _table(pool)] if figure else [_table(pool)]
    section = Section("Before and after", [facts], blocks)
    return write_document(Document(f"Calibration of {name}, {calibration.kind}", [section]), folder)


def _pool(calibration: Calibration, name: str, before: xr.DataArray, after: xr.DataArray) -> Pool:
    """Both as if they were two methods, added up day by day."""
    labels = [name, f"{name}, calibrated"]
    both = np.stack([before.values, after.values], axis=1)
    days, place = np.unique(before["case"].values.astype("datetime64[D]"), return_inverse=True)
    total = np.zeros((days.size, *both.shape[1:]))
    np.add.at(total, place, both)
    dims = ("case", "method", *before.dims[1:])
    coords = {"case": days.astype("datetime64[ns]"), "method": labels, **{str(dim): before[dim] for dim in before.dims[1:]}}
    sums = xr.DataArray(total, dims=dims, coords=coords, name="sums")
    if calibration.kind == "decision":
        rates = DecisionRates(tuple(before["threshold"].values.tolist()))
        return Pool.of(POOLED, "decision-rates", rates, DailySums(sums, calibration.cases))
    if calibration.kind == "quantile":
        return Pool.of(POOLED, "rain-rates", RainRates(), DailySums(sums, calibration.cases))
    score = Brier(tuple(before["threshold"].values.tolist()))
    return Pool.of(POOLED, "brier", score, DailySums(sums, calibration.cases))


def _table(pool: Pool) -> Table:
    """A row for each score, threshold and lead time, before and after."""
    names = [name for name in _WORDS if name in pool.values]
    numbers = long_form(pool.values[names], pool.event).assign(cases=pool.cases, days=pool.days)
    rows: list[list[str | Cell]] = []
    for name in names:
        better = _WORDS[name][1]
        values = pool.values[name]
        for threshold in values["threshold"].values if "threshold" in values.dims else [None]:
            one = values if threshold is None else values.sel(threshold=threshold)
            for lead in chosen_leads(pool):
                pair = one.sel(lead_time=lead).values
                if np.isfinite(pair).all():
                    label = _WORDS[name][0] + ("" if threshold is None else f", {threshold:g} mm/h")
                    cells = [
                        Cell(_digits(value), best=bool(better * (value - other) > 0)) for value, other in zip(pair, pair[::-1], strict=True)
                    ]
                    rows.append([label, lead_label(lead), *cells])
    return Table("Scores; the better of two is bold", ["score", "after", *pool.methods], rows, 2, "calibration_scores", numbers)


def _digits(value: float) -> str:
    """Parts of the Brier score are small where rain is rare."""
    return number_text(value) if abs(value) >= 0.1 or value == 0 else f"{value:.2g}" if abs(value) < 0.001 else f"{value:.4f}"


def _figure(pool: Pool, kind: Kind) -> Figure | None:
    if kind == "decision":
        return _decision_figure(pool)
    return _rain_rate_figure(pool) if kind == "quantile" else reliability_figure([pool], pool.methods)


def _decision_figure(pool: Pool) -> Figure:
    """From which forecast rate on an event is best said, before and after."""
    curves = pool.values["csi_from"].isel(rain_rate=slice(1, None))
    shown = [threshold for threshold in _SHOWN if threshold in curves["threshold"].values]
    styles = styles_of(pool.methods)
    panels = []
    for lead in chosen_leads(pool):
        for threshold in shown:
            part = curves.sel(lead_time=lead, threshold=threshold)
            picture = drawn(partial(_paint_decisions, csi=part, threshold=threshold, styles=styles), size=PANEL)
            title = f"{threshold:g} mm/h, {lead_label(lead)}"
            panels.append(Panel(title, picture, f"CSI of {title} for each rate it is said from; the numbers are in the file named below."))
    numbers = long_form(curves.to_dataset().reset_coords(drop=True), pool.event)
    reading = (
        "Critical success index of an event that is said from each forecast rain rate on; the dotted line is the event's own rate. After "
        "calibration the top of the curve should lie on it."
    )
    return Figure("decision_rates", "From which rate on to say it", reading, panels, pd.DataFrame(numbers), key_of(styles))


def _paint_decisions(figure: "Canvas", csi: xr.DataArray, threshold: float, styles: dict[str, Style]) -> None:
    axes = figure.add_subplot()
    for method, style in styles.items():
        axes.plot(csi["rain_rate"].values, csi.sel({"method": method}).values, **style.keywords, markevery=8)
    axes.axvline(threshold, color="0.4", linestyle=":", linewidth=1)
    axes.set(xscale="log", xlabel="said from [mm/h]", ylabel="critical success index", xticks=_MARKS, xlim=(0.1, 50), ylim=(0, None))
    plain_numbers(axes.xaxis)


def _rain_rate_figure(pool: Pool) -> Figure:
    """How much of the area has such rain: forecast, calibrated, observed."""
    reaching = pool.totals.isel(rain_rate=slice(None, None, -1)).cumsum("rain_rate").isel(rain_rate=slice(None, None, -1))
    share = reaching / reaching.isel(rain_rate=0, drop=True)
    styles = styles_of(pool.methods)
    panels = []
    for lead in chosen_leads(pool):
        part = share.sel(lead_time=lead).isel(rain_rate=slice(1, None))
        picture = drawn(partial(_paint, share=part, styles=styles), size=PANEL)
        title = lead_label(lead)
        panels.append(Panel(title, picture, f"Share of the area with such rain or more, {title}; the numbers are in the file named below."))
    numbers = share.to_dataset("statistic").reset_coords(drop=True)
    table = long_form(numbers, pool.event)
    reading = (
        "How much of the area has so much rain or more, both axes logarithmic: after calibration the line of the forecasts should lie on "
        "the observed one."
    )
    key = key_of({**styles, "observed": OBSERVED})
    return Figure("rain_rates", "Distribution of rain rates", reading, panels, pd.DataFrame(table), key)


def _paint(figure: "Canvas", share: xr.DataArray, styles: dict[str, Style]) -> None:
    axes = figure.add_subplot()
    rates = np.array(RATES)
    lines = [(share.sel(statistic="observed").isel(method=0), OBSERVED)]
    lines += [(share.sel({"statistic": "forecast", "method": method}), style) for method, style in styles.items()]
    for line, style in lines:
        known = line.values > 0
        axes.plot(rates[known], line.values[known], **style.keywords, markevery=8)
    axes.set(xscale="log", yscale="log", xlabel="rain rate [mm/h]", ylabel="share of the area", xticks=_MARKS)
    plain_numbers(axes.xaxis)
