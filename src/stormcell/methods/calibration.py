"""What a hindcast taught about a method's probabilities and rain rates, as plain numbers: calibrated values at nodes, per lead time."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter

from stormcell.errors import MethodError

__all__ = ["KINDS", "OF_RAIN_RATES", "Calibration", "Kind", "ProbabilityMaps", "RainRateMaps"]

Floats = NDArray[np.float64]
Curve = tuple[float, ...]
Kind = Literal["isotonic", "logistic", "quantile", "decision"]
KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
OF_RAIN_RATES: tuple[Kind, ...] = ("quantile", "decision")
"""The others are of probabilities."""

_MAX_NODES = 1000
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class ProbabilityMaps:
    """For each lead time and threshold, how likely rain was where the ensemble said p.

        q = g(p), a line through the nodes (probabilities, values); rising or level, from 0 or more to 1 or less

    Args:
        thresholds: rain rates [mm h-1], rising.
        probabilities: nodes p, rising from 0 to 1.
        values: (lead_time, threshold, node), q at each node; None in place of a curve where there was too little to learn from, and
            g(p) = p.

    Raises:
        MethodError: numbers that no such maps have.
    """

    __pydantic_config__ = _STRICT

    thresholds: Curve
    probabilities: Curve
    values: tuple[tuple[Curve | None, ...], ...] = field(repr=False)

    def __post_init__(self) -> None:
        _check_rising("thresholds", self.thresholds)
        _check_rising("probabilities", self.probabilities)
        if self.thresholds[0] <= 0 or len(self.probabilities) < 2 or (self.probabilities[0], self.probabilities[-1]) != (0.0, 1.0):
            raise MethodError("calibration: expected thresholds above 0, and probabilities from 0 to 1")
        for curves in self.values:
            if len(curves) != len(self.thresholds):
                raise MethodError(f"calibration: expected {len(self.thresholds)} curves at each lead time, got {len(curves)}")
            for curve in curves:
                _check_curve(curve, len(self.probabilities), highest=1.0)

    def __call__(self, p: Floats, lead: int) -> Floats:
        """(threshold, ...) probabilities of the ensemble to calibrated ones, at the lead time of this place in `values`."""
        curves = self.values[lead]
        return np.stack([one if curve is None else np.interp(one, self.probabilities, curve) for one, curve in zip(p, curves, strict=True)])


@dataclass(frozen=True)
class RainRateMaps:
    """For each lead time, the rain rate that is said in place of the forecast one.

        T(x), a line through (0, 0) and the nodes (rain_rates, values), and beyond the last as steep as on the way there from 0

    "quantile": T(x) = F_o^-1(F_f(x)), F_f and F_o the distributions of forecast and observed rain rates. "decision": T(r_L) = L, r_L the
    forecast rate from which on the event "L or more" is best said.

    Args:
        rain_rates: nodes x [mm h-1], above 0 and rising.
        values: (lead_time, node), T at the first nodes [mm h-1], as many as there was rain enough for; None in place of a curve where
            there was too little for any, and T(x) = x.

    Raises:
        MethodError: numbers that no such maps have.
    """

    __pydantic_config__ = _STRICT

    rain_rates: Curve
    values: tuple[Curve | None, ...] = field(repr=False)

    def __post_init__(self) -> None:
        _check_rising("rain_rates", self.rain_rates)
        if self.rain_rates[0] <= 0:
            raise MethodError("calibration: expected rain rates above 0")
        for curve in self.values:
            _check_curve(curve, None if curve and len(curve) <= len(self.rain_rates) else len(self.rain_rates), highest=math.inf)

    def __call__(self, rain_rate: Floats, lead: int) -> Floats:
        """Forecast rain rates to those as frequent in the observation; NaN stays."""
        curve = self.values[lead]
        if curve is None:
            return rain_rate
        nodes, values = np.array([0.0, *self.rain_rates[: len(curve)]]), np.array([0.0, *curve])
        mapped: Floats = np.where(rain_rate > nodes[-1], rain_rate * (values[-1] / nodes[-1]), np.interp(rain_rate, nodes, values))
        return mapped


class _Map(Protocol):
    def __call__(self, values: Floats, lead: int, /) -> Floats: ...


@dataclass(frozen=True, repr=False)
class Calibration:
    """The calibration of one method, at all lead times of a hindcast.

    Between two lead times the maps of both are averaged by distance. At lead time 0, which is the observation, nothing is to be
    changed; so the map before the first lead time lies between "as it is" and the first.

    Args:
        method: what was calibrated; see `stormcell.methods.calibrated.identity_of`.
        kind: how the maps were found: "isotonic" or "logistic" for probabilities, "quantile" or "decision" for rain rates.
        members: size of the ensembles.
        lead_minutes: lead times, rising [min].
        maps: of probabilities, or of rain rates.
        cases: how many forecasts they were learnt from.
        data: more about these: events, first and last issue time, ...
        format: of the file.

    Raises:
        MethodError: parts that do not fit together.
    """

    __pydantic_config__ = _STRICT

    method: str
    kind: Kind
    members: int
    lead_minutes: Curve
    maps: ProbabilityMaps | RainRateMaps
    cases: int
    data: dict[str, Any] = field(default_factory=dict)
    format: Literal[1] = 1

    def __post_init__(self) -> None:
        _check_rising("lead_minutes", self.lead_minutes)
        if self.lead_minutes[0] <= 0 or len(self.maps.values) != len(self.lead_minutes):
            raise MethodError(f"calibration: expected lead times above 0, and maps for each, got {len(self.maps.values)} maps")
        if (self.kind in OF_RAIN_RATES) != isinstance(self.maps, RainRateMaps):
            raise MethodError(f"calibration: maps of another kind than {self.kind!r}")
        if self.cases < 1 or self.members < 1 or (self.kind not in OF_RAIN_RATES and self.members < 2):
            raise MethodError(f"calibration: expected 1 case or more of an ensemble, got {self.cases} cases of {self.members} members")

    def __repr__(self) -> str:
        return f"Calibration({self.kind} of {self.method}, {self.cases} cases, {self.fingerprint})"

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits: same numbers, same digits."""
        return hashlib.sha256(TypeAdapter(Calibration).dump_json(self)).hexdigest()[:16]

    @property
    def said(self) -> str:
        """What a forecast that went through it says of it."""
        return f"{self.kind}, from {self.cases} cases, {self.fingerprint}"

    def calibrated(self, values: Floats, lead_minutes: float) -> Floats:
        """Put probabilities (threshold, ...), or rain rates, through the map of a lead time.

        Raises:
            MethodError: the lead time lies beyond the last that was learnt.
        """
        last = self.lead_minutes[-1]
        if not 0 < lead_minutes <= last * (1 + 1e-9):
            raise MethodError(
                f"the calibration of {self.method} reaches to {last:g} min, but {lead_minutes:g} min ahead are wanted: ask for a shorter "
                "--lead, or calibrate anew with a longer one"
            )
        mapped: _Map = self.maps
        after = min(int(np.searchsorted(self.lead_minutes, lead_minutes - 1e-9 * last)), len(self.lead_minutes) - 1)
        start, end = (0.0, *self.lead_minutes)[after], self.lead_minutes[after]
        share = min((lead_minutes - start) / (end - start), 1.0)
        later = mapped(values, after)
        if share > 1 - 1e-6:
            return later
        return share * later + (1 - share) * (mapped(values, after - 1) if after else values)


def _check_rising(name: str, values: Sequence[float]) -> None:
    if not 1 <= len(values) <= _MAX_NODES or not np.isfinite(values).all() or not (np.diff(values) > 0).all():
        raise MethodError(f"calibration: expected 1 to {_MAX_NODES} rising numbers as {name}, got {str(list(values))[:80]}")


def _check_curve(curve: Curve | None, nodes: int | None, *, highest: float) -> None:
    if curve is None:
        return
    if nodes is not None and len(curve) != nodes:
        raise MethodError(f"calibration: expected curves of {nodes} values, got {len(curve)}")
    if not np.isfinite(curve).all() or min(curve) < 0 or max(curve) > highest or (np.diff(curve) < 0).any():
        raise MethodError(f"calibration: expected curves that never fall, from 0 to {highest:g}, got {str(list(curve))[:80]}")
