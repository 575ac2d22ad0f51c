"""What a worker does with one case of a hindcast: read it, forecast it with every method, and score the forecasts side by side."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.benchmark.cases import Case
from stormcell.data.read import ScreenedPixelsWarning
from stormcell.errors import FramesError, MethodError, MissingExtraError, ReadError, StormcellError
from stormcell.frames import check_forecast
from stormcell.methods import Method, method_named
from stormcell.verification.score import Score, common_mask

__all__ = ["FACTS", "CaseSums", "Task", "score_case"]

WET = 0.1  # mm h-1
FACTS = ("past_wet_share", "past_mean", "past_max", "observed_wet_share", "observed_mean", "observed_max", "screened_pixels")
_LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class CaseSums:
    """What is kept of a case.

    Attributes:
        event: name of the event.
        number: place among the event's cases.
        sums: score -> method -> its sums, for the methods that did not fail.
        failures: method -> why it failed.
        members: method -> size of its ensemble.
        facts: the numbers named in `FACTS`; NaN where the radar saw nothing.
        valid_pixels: (lead_time,), how many pixels were scored.
        warnings: category and text of what the methods had to say, once each.
    """

    event: str
    number: int
    sums: Mapping[str, Mapping[str, xr.DataArray]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, float] = field(default_factory=dict)
    valid_pixels: NDArray[np.int64] | int = 0
    warnings: tuple[tuple[type[Warning], str], ...] = ()


@dataclass(frozen=True)
class Task:
    """What a worker does with each case: small enough to be sent along with it.

    Attributes:
        methods: name -> the method, or its name in `stormcell.methods`, from which each worker builds it once.
        scores: name -> score.
        members: size of the ensembles.
        seed: see `Settings`.
        skip_bad: a case that cannot be read fails, instead of stopping the run.
    """

    methods: dict[str, str | Method]
    scores: dict[str, Score]
    members: int
    seed: int
    skip_bad: bool


_built = cache(method_named)


def score_case(task: Task, case: Case) -> CaseSums:
    """Read a case, forecast it with every method, and score each on the pixels that the radar and all that did not fail know.

    Raises:
        ReadError: a file cannot be read, unless `skip_bad`.
        FramesError: the frames lie on another grid than the event's, unless `skip_bad`.
        MethodError: a method needs a package that is not installed.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("ignore", ScreenedPixelsWarning)  # counted among the facts
        try:
            past, observed = case.read()
        except (ReadError, FramesError) as error:
            if not task.skip_bad:
                raise
            return CaseSums(case.event, case.number, failures=dict.fromkeys(task.methods, _shortened(f"not read: {error}")))
        forecasts, failures = _forecasts(task, case, past)
        valid = common_mask(observed, forecasts.values())
        sums = {
            name: {method: score.sums(forecast, observed, valid) for method, forecast in forecasts.items()}
            for name, score in task.scores.items()
        }
    return CaseSums(
        case.event,
        case.number,
        sums,
        failures,
        {name: forecast.sizes["member"] for name, forecast in forecasts.items()},
        _facts(past, observed),
        valid.sum(("y", "x")).values,
        tuple(dict.fromkeys((warning.category, _shortened(str(warning.message))) for warning in said)),
    )


def _forecasts(task: Task, case: Case, past: xr.DataArray) -> tuple[dict[str, xr.DataArray], dict[str, str]]:
    """Method -> forecast, and method -> why it failed."""
    forecasts: dict[str, xr.DataArray] = {}
    failures: dict[str, str] = {}
    seed = int(np.random.SeedSequence([task.seed, int(case.issue_time.astype("datetime64[s]").astype(np.int64))]).generate_state(1)[0])
    for name, method in task.methods.items():
        try:
            forecast = _forecast(_built(method) if isinstance(method, str) else method, past, case, task.members, seed)
            if forecast.shape[1:] != (case.lead_times.size, *past.shape[1:]):
                raise FramesError(f"expected {case.lead_times.size} lead times on the grid of the past, got {dict(forecast.sizes)}")
            forecasts[name] = check_forecast(forecast)
        except MissingExtraError as error:  # no case would do better
            raise MethodError(f"method {name!r}: {error}") from error
        except Exception as error:  # a method may break in any way, and the others go on
            kind = "" if isinstance(error, StormcellError) else f"{type(error).__name__}: "
            failures[name] = _shortened(f"{kind}{error}")
    return forecasts, failures


def _forecast(method: Method, past: xr.DataArray, case: Case, members: int, seed: int) -> xr.DataArray:
    """The ensemble; or, where the method cannot make as many members, its one member."""
    try:
        return method(past, case.lead_times, members=members, seed=seed)
    except MethodError:
        if members == 1:
            raise
        return method(past, case.lead_times, members=1, seed=seed)


def _facts(past: xr.DataArray, observed: xr.DataArray) -> dict[str, float]:
    """How wet it was, for scores by regime; NaN where the radar saw nothing."""
    facts = {"screened_pixels": float(past.attrs.get("pixels_screened", 0))}
    for when, rain_rate in (("past", past.values[-1]), ("observed", observed.values)):
        seen = rain_rate[np.isfinite(rain_rate)]
        if seen.size:
            facts |= {f"{when}_wet_share": float((seen >= WET).mean()), f"{when}_mean": float(seen.mean(dtype=np.float64))}
            facts |= {f"{when}_max": float(seen.max())}
    return facts


def _shortened(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_MESSAGE]
