"""What decides over the numbers of a hindcast; kept beside them, and compared before a run goes on."""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import stormcell
from stormcell.benchmark.cases import Event
from stormcell.benchmark.scoring import Task
from stormcell.errors import StormcellError
from stormcell.methods import Adapted, GuidedForecast, Learned, Method, method_named
from stormcell.methods.calibration_file import NAME, read_calibration
from stormcell.methods.scans import scans_for
from stormcell.methods.shipped import model_folder
from stormcell.units import ZRRule
from stormcell.verification import SCORES
from stormcell.verification.score import Score

__all__ = ["Settings", "differences", "running_commit"]

_NOT_COMPARED = {"commit"}  # said, but no reason to throw away days of work


@dataclass(frozen=True)
class Settings:
    """A hindcast, apart from its inputs.

    Args:
        methods: what to compare: names, or callables by name. Those that make no ensemble make their one member.
        scores: families of scores: names in `stormcell.verification.SCORES`, or objects by name.
        lead: how far ahead: "60min", "2h".
        lead_every: distance of the lead times that are verified; every radar step if None.
        every: distance of the issue times. All distances are rounded to whole radar steps.
        past: frames that all forecasts start from; as many as the most demanding method uses of the radar's time step if None.
        members: size of the ensembles.
        seed: every case has random numbers of its own, made from this and its issue time.
        zr: rule from reflectivity to rain rate; each format's own if None.

    Raises:
        StormcellError: no method or score, one that is not known, or a name twice.
        MethodError: a method that is not known.
    """

    methods: Sequence[str] | Mapping[str, Method]
    scores: Sequence[str] | Mapping[str, Score] = ("contingency", "continuous")
    lead: str = "60min"
    lead_every: str | None = None
    every: str = "30min"
    past: int | None = None
    members: int = 1
    seed: int = 0
    zr: ZRRule | None = None

    def __post_init__(self) -> None:
        for kind, names in (("method", list(self.methods)), ("score", list(self.scores))):
            if not names or len(set(names)) < len(names):
                raise StormcellError(f"expected one {kind} or more, each named once, got {', '.join(names) or 'none'}")
            odd = [name for name in names if not re.fullmatch(r"\w[\w.-]*", name) or name == "cases"]
            if odd:
                raise StormcellError(f"{kind} {odd[0]!r}: expected a name of letters, digits, dots and dashes")
        if self.past is not None and self.past < 2:
            raise StormcellError(f"expected two past frames or more, got {self.past}")
        _ = self.built_methods, self.built_scores

    @cached_property
    def built_methods(self) -> dict[str, Method]:
        """Name -> method."""
        return dict(self.methods) if isinstance(self.methods, Mapping) else {name: method_named(name) for name in self.methods}

    @cached_property
    def built_scores(self) -> dict[str, Score]:
        """Name -> score."""
        if isinstance(self.scores, Mapping):
            return dict(self.scores)
        unknown = [name for name in self.scores if name not in SCORES]
        if unknown:
            raise StormcellError(f"unknown score {unknown[0]!r}: expected one of {', '.join(SCORES)}")
        return {name: SCORES[name]() for name in self.scores}

    def past_frames(self, step: np.timedelta64) -> int:
        """How many past frames each case of a radar with this time step has; 2 at least, which tell the step."""
        return self.past or max(2, *(scans_for(method, step) for method in self.built_methods.values()))

    def task(self, *, skip_bad: bool = False) -> Task:
        """What workers need to know; methods that have a name are built by each of them, once."""
        by_name = not isinstance(self.methods, Mapping)
        methods: dict[str, str | Method] = {name: name if by_name else method for name, method in self.built_methods.items()}
        return Task(methods, self.built_scores, self.members, self.seed, skip_bad)

    def as_json(self, events: Sequence[Event]) -> dict[str, Any]:
        """Everything that decides over the numbers, as plain values."""
        past = self.past or max(2, *(method.past_steps for method in self.built_methods.values()))
        return {
            "stormcell": stormcell.__version__,
            "commit": running_commit(),
            "methods": {name: _described(method) for name, method in self.built_methods.items()},
            "scores": {name: _described(score) for name, score in self.built_scores.items()},
            "lead": self.lead,
            "lead_every": self.lead_every,
            "every": self.every,
            "past": past,
            "members": self.members,
            "seed": self.seed,
            "zr": str(self.zr) if self.zr else None,
            "events": {
                event.name: {"cases": int(event.issues.size), "content": event.series.content}
                | ({} if event.past == past else {"past": event.past})
                for event in events
            },
        }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What two resolved settings do not agree on, one phrase each."""
    return list(_differences("", before, now))


def _differences(name: str, before: Any, now: Any) -> Iterator[str]:
    if name in _NOT_COMPARED:
        return
    if name in ("methods", "scores", "events") and list(before) != list(now):
        yield f"{name} were {', '.join(before)}, now {', '.join(now)}"
    elif isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in {**before, **now}:
            yield from _differences(f"{name} {key}".strip(), before.get(key), now.get(key))
    elif before != now:
        yield f"{name} was {before}, now {now}"


def _described(component: object) -> str:
    """The component's own words, without its place in memory, and of trained networks in it what their folders hold now."""
    return "; ".join([re.sub(r" at 0x[0-9a-f]+", "", repr(component)), *_contents(component)])


def _contents(component: object) -> Iterator[str]:
    """The weights of each trained network that a method is, or wraps, and the calibration that goes with them: both may change."""
    if isinstance(component, Learned):
        folder = model_folder(component.model)
        yield component.identity
        if component.calibrated and (folder / NAME).is_file():
            yield repr(read_calibration(folder))
    elif isinstance(component, Adapted | GuidedForecast):
        yield component.identity
    elif is_dataclass(component) and not isinstance(component, type):
        for part in fields(component):
            yield from _contents(getattr(component, part.name))


def running_commit() -> str | None:
    """The commit of the checkout that this package runs from, with "-dirty" where it was changed; None if it is installed otherwise."""
    here = Path(stormcell.__file__)
    try:
        for words in (("ls-files", "--error-unmatch", here.name), ("describe", "--always", "--dirty", "--abbrev=40", "--match=")):
            said = subprocess.run(["git", *words], cwd=here.parent, capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return said.strip()
