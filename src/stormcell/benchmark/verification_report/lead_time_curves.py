"""How each score falls off with lead time, with confidence bands where there are days enough."""

from functools import partial

import pandas as pd
import xarray as xr

from stormcell.benchmark.verification_report.curve import Curve, limits_of
from stormcell.benchmark.verification_report.document import Block, Figure, Panel, Section
from stormcell.benchmark.verification_report.drawing import drawn
from stormcell.benchmark.verification_report.evidence import LEVEL, Evidence, Pool, days_of, long_form
from stormcell.benchmark.verification_report.score_words import NOT_DRAWN, WORDS, Words
from stormcell.benchmark.verification_report.styles import Style, key_of, styles_of
from stormcell.progress import track
from stormcell.verification.significance import fewest_blocks

__all__ = ["drawn_scores", "lead_time_curves"]

_Sure = list[tuple[Pool, xr.DataArray]]  # a score of one or more pools, with bounds


def lead_time_curves(evidence: Evidence) -> Section | None:
    """A figure for each score that has thresholds, with a panel for each of them, and one for all others; None where there are none."""
    with_thresholds: dict[tuple[str, str], _Sure] = {}
    without: dict[tuple[str, str], _Sure] = {}
    for pool in track(evidence.pools, "resampling days"):
        names = drawn_scores(pool)
        bounds = pool.bounds(names) if names else xr.Dataset()
        if "departure" in bounds:  # of one member it is near 0, and says nothing
            bounds["departure"] = bounds["departure"].where(bounds["method"].isin(evidence.ensembles))
        for name in names:
            group = with_thresholds if "threshold" in bounds[name].dims else without
            group.setdefault((pool.family, name), []).append((pool, bounds[name]))
    if not with_thresholds and not without:
        return None
    styles = styles_of(evidence.results.methods)
    figures = [_by_threshold(evidence, *names, score, styles) for names, score in track(with_thresholds.items(), "drawing scores")]
    blocks: list[Block] = [figure for figure in figures if figure is not None]
    if without:
        blocks.append(_together(evidence, without, styles))
    return Section("Scores by lead time", [_about_bands(evidence)], blocks)


def drawn_scores(pool: Pool) -> list[str]:
    """Scores with one value for each lead time, or for each lead time and threshold."""
    fits = {("lead_time", "method"), ("lead_time", "method", "threshold")}
    names = [str(name) for name, values in pool.values.data_vars.items() if tuple(sorted(map(str, values.dims))) in fits]
    skipped = NOT_DRAWN | ({"rmse"} if "spread" in names else set())  # the error of the mean, which is among the errors
    return [name for name in names if name not in skipped]


def _about_bands(evidence: Evidence) -> str:
    days = days_of(max(pool.days for pool in evidence.pools))
    if any(pool.has_intervals for pool in evidence.pools):
        few = "" if all(pool.has_intervals for pool in evidence.pools) else " Where there is none, the days are too few."
        return (
            f"Bands are 95 % confidence intervals from drawing the {days} again and again: cases of one day share their weather, so days "
            f"count, not cases.{few} Bands that overlap do not mean that two methods are alike; differences are tested in the tables."
        )
    return (
        f"No confidence bands: the cases lie on {days}, and {fewest_blocks(LEVEL)} are the fewest from which they can be told. How far "
        "these numbers hold for other days is not known."
    )


def _by_threshold(evidence: Evidence, family: str, name: str, score: _Sure, styles: dict[str, Style]) -> Figure | None:
    words, note = _words(family, name), _note(evidence, name, family)
    curves = [
        Curve(words, ", ".join([*_event(pool, score), f"{threshold:g} mm/h"]), _ordered(bounds.sel(threshold=threshold)))
        for pool, bounds in score
        for threshold in bounds["threshold"].values
    ]
    known = [curve for curve in curves if curve.known]
    if not known:
        return None
    limits = limits_of(known)
    panels = [Panel(curve.title, drawn(partial(curve.paint, styles=styles, limits=limits)), curve.alt) for curve in known]
    missing = ", ".join(curve.title for curve in curves if not curve.known)
    reading = words.reading + (f" Not defined, for want of such rain: {missing}." if missing else "")
    numbers = pd.concat([_numbers(pool, name, bounds) for pool, bounds in score], ignore_index=True)
    title = f"{words.title}{note} by lead time"
    return Figure(f"{family}_{name}_by_lead_time", title, reading, panels, numbers, key_of(styles), [curve.table for curve in known])


def _together(evidence: Evidence, scores: dict[tuple[str, str], _Sure], styles: dict[str, Style]) -> Figure:
    panels, tables = [], []
    for (family, name), score in track(scores.items(), "drawing scores"):
        words = _words(family, name)
        curves = [
            Curve(words, ", ".join([words.title + _note(evidence, name, family), *_event(pool, score)]), _ordered(bounds))
            for pool, bounds in score
        ]
        for curve in (one for one in curves if one.known):
            picture = drawn(partial(curve.paint, styles=styles, limits=limits_of([curve])))
            panels.append(Panel(curve.title, picture, curve.alt, words.reading))
            tables.append(curve.table)
    numbers = [_numbers(pool, name, bounds) for (_, name), score in scores.items() for pool, bounds in score]
    reading = "All rain rates together; each plot has a scale of its own, and says below how to read it."
    table = pd.concat(numbers, ignore_index=True)
    return Figure("scores_by_lead_time", "Scores without thresholds by lead time", reading, panels, table, key_of(styles), tables)


def _words(family: str, name: str) -> Words:
    own = Words(name, name, f"The score {name} of the run's own family {family}.", None, False)
    return WORDS.get(name, own)


def _note(evidence: Evidence, name: str, family: str) -> str:
    """The family in brackets, where a score of this name is drawn for several."""
    return f" ({family})" if len({pool.family for pool in evidence.pools if name in drawn_scores(pool)}) > 1 else ""


def _event(pool: Pool, score: _Sure) -> list[str]:
    """What to add to a title to tell pools apart."""
    return [pool.event] if len(score) > 1 else []


def _ordered(bounds: xr.DataArray) -> xr.DataArray:
    return bounds.transpose("bound", "method", "lead_time")


def _numbers(pool: Pool, name: str, bounds: xr.DataArray) -> pd.DataFrame:
    columns = {"low": "low", "estimate": "value", "high": "high"}
    dataset = xr.Dataset({column: bounds.sel(bound=bound, drop=True) for bound, column in columns.items()})
    return long_form(dataset, pool.event).assign(family=pool.family, score=name, cases=pool.cases, days=pool.days)
