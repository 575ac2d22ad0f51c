"""Calibration by hindcast: past events are forecast, what was said is held against what came, and gains are shown on cases held out."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.benchmark.calibration_fit import FEWEST_CASES, fit_decisions, fit_probabilities, fit_rain_rates
from stormcell.benchmark.calibration_report import write_calibration_report
from stormcell.benchmark.held_out import calibrated_brier_sums, calibrated_decision_sums, calibrated_rain_rate_sums, held_out
from stormcell.benchmark.results import Results
from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from stormcell.data.read import Inputs
from stormcell.errors import MethodError, StormcellError
from stormcell.methods.calibration import KINDS, OF_RAIN_RATES, Calibration, Kind, ProbabilityMaps, RainRateMaps
from stormcell.methods.calibration_file import write_calibration
from stormcell.verification import Brier
from stormcell.verification.decision_rates import DecisionRates
from stormcell.verification.rain_rates import RainRates

__all__ = ["SPLITS", "calibrate", "folds_of"]


class _Lesson(NamedTuple):
    """What a kind of calibration is learnt from, how, and what it makes of the sums of other cases."""

    score: str
    learn: Callable[[xr.DataArray], RainRateMaps] | None
    apply: Callable[..., xr.DataArray]


_LESSONS: dict[Kind, _Lesson] = {
    "isotonic": _Lesson("brier", None, calibrated_brier_sums),
    "logistic": _Lesson("brier", None, calibrated_brier_sums),
    "quantile": _Lesson("rain-rates", fit_rain_rates, calibrated_rain_rate_sums),
    "decision": _Lesson("decision-rates", fit_decisions, calibrated_decision_sums),
}


SPLITS = ("day", "event", "block")
_BLOCKS = 5
_MOST_FOLDS = 20


def calibrate(
    inputs: Inputs,
    output: str | Path,
    settings: Settings,
    *,
    identity: str | None = None,
    kind: str | None = None,
    thresholds: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0),
    split: str | None = None,
    workers: int | str = 1,
    skip_bad: bool = False,
    fresh: bool = False,
) -> Calibration:
    """Run a hindcast, or go on with one that was stopped, and learn a calibration from it.

    The calibration is learnt from all cases. How good it is, the report says of cases that played no part: for each fold of cases one
    more is learnt from all others.

    Args:
        inputs: files, folders, globs or Zarr archives, as for `stormcell.benchmark.run.verify`.
        output: folder for `calibration.json`, the report, and the sums of the hindcast.
        settings: one method, and how the hindcast is made; its scores are not used.
        identity: what the calibration says that it is of; see `identity_of`. The method's name in `settings` if None.
        kind: a key of `KINDS`; "isotonic" for ensembles and "quantile" for others if None.
        thresholds: rain rates whose probabilities are calibrated [mm h-1].
        split: what is held out at a time: a "day", an "event", or a "block" of a fifth of each event's cases, one after the other. Days
            if None and there are more than one, else blocks.
        workers: see `verify`.
        skip_bad: see `verify`.
        fresh: throw away what is in `output` from another run.

    Returns:
        What was written.

    Raises:
        MethodError: an unknown kind; more methods than one; no ensemble, or ensembles of different sizes, for a calibration of
            probabilities; or too little rain to learn anything.
        StormcellError: see `verify`; or an unknown split, or not two folds of cases.
    """
    for option, said, known in (("--kind", kind, KINDS), ("--split", split, SPLITS)):
        if said is not None and said not in known:
            raise MethodError(f"{option} {said!r}: expected one of {', '.join(known)}")
    if len(settings.methods) != 1:
        raise MethodError(f"calibrate: expected one method, got {', '.join(settings.methods)}")
    name = next(iter(settings.methods))
    settings = replace(settings, scores={"brier": Brier(thresholds), "rain-rates": RainRates(), "decision-rates": DecisionRates()})
    results = verify(inputs, output, settings, workers=workers, skip_bad=skip_bad, fresh=fresh)
    members = _ensemble(results, name, kind)
    chosen: Kind = KINDS[kind] if kind else "isotonic" if members > 1 else "quantile"
    lesson = _LESSONS[chosen]
    sums, cases, _ = results.common(lesson.score)
    sums = sums.isel(method=0, drop=True)
    learn = lesson.learn or partial(fit_probabilities, members=members, kind=chosen)
    maps = learn(sums)
    _warn_of_gaps(maps, name, cases)
    after = held_out(sums, folds_of(sums, split), learn, lesson.apply)
    calibration = Calibration(
        method=identity or name,
        kind=chosen,
        members=members,
        lead_minutes=tuple((sums["lead_time"].values / np.timedelta64(1, "m")).tolist()),
        maps=maps,
        cases=cases,
        data=_about(results, sums),
    )
    write_calibration(calibration, output)
    write_calibration_report(output, calibration, name=name, before=sums, after=after)
    return calibration


def folds_of(sums: xr.DataArray, split: str | None = None) -> NDArray[np.int64]:
    """(case,), the number of the fold that each case is held out with; neighbours in time share one, as they look alike.

    Args:
        sums: with the issue time as `case`, and `event` along it.
        split: see `calibrate`. Days and events beyond 20 are gathered, so that each fold holds several in a row.

    Raises:
        StormcellError: all cases would be in one fold.
    """
    days = sums["case"].values.astype("datetime64[D]")
    if split is None:
        split = "day" if np.unique(days).size > 1 else "block"
    if split == "block":
        numbers = np.empty(days.size, np.int64)
        for event in np.unique(sums["event"].values):
            mine = np.flatnonzero(sums["event"].values == event)
            numbers[mine] = np.arange(mine.size) * min(_BLOCKS, mine.size) // mine.size
    else:
        numbers = np.unique(days if split == "day" else sums["event"].values, return_inverse=True)[1].astype(np.int64)
    count = int(numbers.max()) + 1
    if count < 2:
        raise StormcellError(f"calibrate: all {days.size} cases lie in one {split}, so none can be held out: give more, or another --split")
    return numbers * min(count, _MOST_FOLDS) // count


def _ensemble(results: Results, name: str, kind: str | None) -> int:
    """Size of the ensembles.

    Raises:
        MethodError: there are none, or the kind of calibration needs others.
    """
    sizes = results.members[name]
    if not sizes:
        raise MethodError(f"calibrate: {name} made no forecast; {_first_failure(results)}")
    if kind == "decision" and max(sizes) > 1:
        raise MethodError(f"calibrate: {name} made {max(sizes)} members, and decisions are learnt from single fields: give --members 1")
    if (kind or ("isotonic" if max(sizes) > 1 else "quantile")) not in OF_RAIN_RATES and (len(sizes) > 1 or sizes[0] < 2):
        raise MethodError(
            f"calibrate: {name} made {' or '.join(map(str, sizes))} member{'' if sizes == [1] else 's'}, and probabilities are learnt from "
            "ensembles of one size: give --members and a method that makes them, or --kind quantile"
        )
    return max(sizes)


def _first_failure(results: Results) -> str:
    failures = results.failures
    return f"the first failure: {failures.iloc[0]['message']}" if len(failures) else "there was no failure"


def _about(results: Results, sums: xr.DataArray) -> dict[str, object]:
    """Where the calibration comes from, for whoever finds the file."""
    times = sums["case"].values
    kept = ("stormcell", "commit", "lead", "lead_every", "every", "past", "seed", "zr")
    return {
        "events": results.events,
        "first_issue_time": str(times.min())[:16],
        "last_issue_time": str(times.max())[:16],
        **{key: results.settings[key] for key in kept},
        "method": next(iter(results.settings["methods"].values())),
    }


def _gaps(maps: ProbabilityMaps | RainRateMaps) -> Iterator[str | None]:
    """For each curve: None, or, where it is missing, what it would be of."""
    for curves in maps.values:
        if isinstance(maps, ProbabilityMaps):
            for threshold, curve in zip(maps.thresholds, curves or (), strict=True):
                yield f"{threshold:g} mm/h" if curve is None else None
        else:
            yield "rain rates" if curves is None else None


def _warn_of_gaps(maps: ProbabilityMaps | RainRateMaps, name: str, cases: int) -> None:
    gaps = list(_gaps(maps))
    missing = [gap for gap in gaps if gap]
    needs = f"{FEWEST_CASES} cases or more with such rain somewhere, and as many without it everywhere"
    if len(missing) == len(gaps):
        raise MethodError(f"calibrate: {name}: nothing can be learnt from {cases} cases; expected {needs}. Give more events")
    if missing:
        warnings.warn(
            f"{name} stays as it is at {', '.join(dict.fromkeys(missing))} for {len(missing)} of {len(gaps)} curves: expected {needs}",
            UserWarning,
            stacklevel=3,
        )
