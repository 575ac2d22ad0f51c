"""The head of the report: what was compared, on which cases, what failed, and by which rules."""

import numpy as np
import xarray as xr

from stormcell.benchmark.results import Results
from stormcell.benchmark.store import FOLDER
from stormcell.benchmark.verification_report.document import Block, Cell, Section, Table
from stormcell.benchmark.verification_report.evidence import days_of

__all__ = ["common_pixel_km", "summary"]

_MOST_ROWS = 40  # of failures; all of them are in the file
_RULES = (
    "An event is a rain rate at or above the threshold, in forecast and observation alike.",
    "Compared are only cases on which all methods made a forecast, and only pixels that the radar and every method know.",
    "Counts and sums are added up over cases, and scores made from the totals; no ratio is averaged.",
    "An ensemble is judged by its mean in the scores of single fields (all but spectra and the scores for ensembles); a mean is smooth, "
    "wins on errors, and loses on heavy rain.",
)


def summary(results: Results) -> Section:
    """Facts and rules, events, methods and failures."""
    cases, settings = results.cases, results.settings
    common = cases[cases["common"]]
    days = common["issue_time"].dt.floor("D").nunique()
    facts = [
        f"{len(results.methods)} methods on {len(common)} common cases of {int(cases['finished'].sum())} finished "
        f"({len(cases)} in the plan), on {days_of(days)}, up to {settings['lead']} ahead."
    ]
    if results.incomplete:
        facts.append(f"{results.incomplete} issue times were left out, because one of their scans is missing.")
    if not len(common):
        facts.append("There is no case on which all methods made a forecast, so there is nothing to compare.")
    blocks: list[Block] = [_events(results), _methods(results)]
    if not results.failures.empty:
        blocks.append(_failures(results))
    commit = f", commit {settings['commit']}" if settings.get("commit") else ""
    made = (
        f"Made by stormcell {settings['stormcell']}{commit}. Random numbers: {settings['seed']}. Z-R rule: {settings['zr'] or 'the data'}."
    )
    return Section("What was compared", [*facts, *_RULES, made], blocks)


def common_pixel_km(results: Results) -> float | None:
    """Side of a pixel [km], if it is the same in all events, to a fiftieth."""
    sides = [_facts_of(results, event)["pixel_km"] for event in results.events]
    return float(np.mean(sides)) if max(sides) <= 1.02 * min(sides) else None


def _facts_of(results: Results, event: str) -> dict[str, float]:
    path = results.folder / FOLDER
    with xr.open_zarr(path, group=f"{event}/cases", chunks=None, consolidated=False, decode_timedelta=True) as dataset:
        return dict(dataset.attrs)


def _events(results: Results) -> Table:
    rows: list[list[str | Cell]] = []
    for event, cases in results.cases.groupby("event", sort=False):
        facts, common = _facts_of(results, str(event)), cases[cases["common"]]
        period = f"{cases['issue_time'].min():%Y-%m-%d %H:%M} to {cases['issue_time'].max():%Y-%m-%d %H:%M}"
        pixels = f"{facts['rows']} x {facts['columns']} of {facts['pixel_km']:.3g} km"
        share = f"{common['valid_share'].mean():.0%}" if len(common) else "-"
        wet = f"{common['observed_wet_share'].mean():.1%}" if len(common) else "-"
        rows.append([str(event), period, f"{len(common)} of {int(cases['finished'].sum())}", pixels, share, wet])
    header = ["event", "issue times [UTC]", "common cases", "pixels", "of them scored", "wet (0.1 mm/h)"]
    return Table("Events", header, rows, 2, "cases", results.cases)


def _methods(results: Results) -> Table:
    rows: list[list[str | Cell]] = [
        [name, " or ".join(map(str, results.members[name])) or "-", str(results.settings["methods"][name])] for name in results.methods
    ]
    return Table("Methods, the size of their ensembles, and how they were built", ["method", "members", "built as"], rows, 3)


def _failures(results: Results) -> Table:
    failures = results.failures
    rows: list[list[str | Cell]] = []
    kinds = failures.groupby(["method", "message"], sort=False)
    for (method, message), alike in kinds:
        first = alike.iloc[0]
        rows.append([str(method), str(len(alike)), f"{first['event']}, {first['issue_time']:%Y-%m-%d %H:%M}", str(message)])
    more = f"; {len(rows) - _MOST_ROWS} more kinds are in the file" if len(rows) > _MOST_ROWS else ""
    header = ["method", "cases", "the first", "message"]
    return Table(f"Forecasts that could not be made: {len(failures)}{more}", header, rows[:_MOST_ROWS], 4, "failures", failures)
