"""Units of rain: reflectivity to rain rate and back, accumulations, decibels, and linear scaling for images.

Inside stormcell rain is a rate in mm h-1. Everything else is turned into it here, once, on the way in.
"""

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stormcell.errors import UnitsError

__all__ = [
    "ZR_RULES",
    "Scaling",
    "ZRRule",
    "mm_per_hour_factor",
    "parse_zr_rule",
    "rain_rate_from_accumulation",
    "rain_rate_from_reflectivity",
    "reflectivity_from_rain_rate",
]

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class ZRRule:
    """A power law between radar reflectivity factor and rain rate, Z = a R^b.

    Z in mm6 m-3, R in mm h-1. In decibels: dBZ = 10 log10 a + 10 b log10 R.

    Args:
        a: factor, positive.
        b: exponent, positive.
        name: what the rule is called in metadata.

    Raises:
        UnitsError: a or b is not a positive, finite number.
    """

    a: float
    b: float
    name: str = "custom"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.a) and math.isfinite(self.b) and self.a > 0 and self.b > 0):
            raise UnitsError(f"a Z-R rule needs two positive numbers a and b in Z = a R^b, not a={self.a}, b={self.b}")

    def __str__(self) -> str:
        return f"{self.name}: Z = {self.a:g} R^{self.b:g}"


ZR_RULES: dict[str, ZRRule] = {
    "marshall-palmer": ZRRule(200.0, 1.6, "marshall-palmer"),  # Marshall, Langille & Palmer (1947)
    "hko-7": ZRRule(58.53, 1.56, "hko-7"),  # Shi et al. (2017), arXiv:1706.03458
    "fmi": ZRRule(223.0, 1.53, "fmi"),  # Finnish Meteorological Institute, rain
}


def parse_zr_rule(text: str) -> ZRRule:
    """A Z-R rule from its name in `ZR_RULES`, or from "a,b" for a rule of the user's own.

    Raises:
        UnitsError: the name is not known and the text is not two numbers.

    Example:
        >>> parse_zr_rule("300,1.4")
        ZRRule(a=300.0, b=1.4, name='custom')
    """
    if text in ZR_RULES:
        return ZR_RULES[text]
    try:
        a, b = (float(part) for part in text.split(","))
    except ValueError:
        raise UnitsError(f"unknown Z-R rule {text!r}: expected one of {', '.join(ZR_RULES)}, or a,b such as 200,1.6") from None
    return ZRRule(a, b)


def rain_rate_from_reflectivity(reflectivity_dbz: ArrayLike, rule: ZRRule) -> Floats:
    """Rain rate R = (Z / a)^(1/b), with Z = 10^(dBZ/10).

    Args:
        reflectivity_dbz: reflectivity [dBZ]; -inf is no echo, NaN is not seen.
        rule: the power law.

    Returns:
        Rain rate [mm h-1], same shape and precision; 0 where there is no echo, NaN where NaN, inf where the number is too large.
    """
    dbz = np.asarray(reflectivity_dbz)
    dbz = dbz if np.issubdtype(dbz.dtype, np.floating) else dbz.astype(np.float32)
    exponent = (dbz - dbz.dtype.type(10.0 * math.log10(rule.a))) * dbz.dtype.type(math.log(10.0) / (10.0 * rule.b))
    with np.errstate(over="ignore", under="ignore"):
        rain_rate: Floats = np.exp(exponent)
    return rain_rate


def reflectivity_from_rain_rate(rain_rate: ArrayLike, rule: ZRRule) -> Floats:
    """Reflectivity dBZ = 10 log10 a + 10 b log10 R: the exact inverse of `rain_rate_from_reflectivity`.

    Args:
        rain_rate: rain rate [mm h-1], not negative; NaN is not seen.
        rule: the power law.

    Returns:
        Reflectivity [dBZ]; -inf where it is dry, NaN where NaN.
    """
    rate = np.asarray(rain_rate)
    rate = rate if np.issubdtype(rate.dtype, np.floating) else rate.astype(np.float32)
    with np.errstate(divide="ignore"):
        reflectivity: Floats = rate.dtype.type(10.0 * math.log10(rule.a)) + rate.dtype.type(10.0 * rule.b) * np.log10(rate)
    return reflectivity


def rain_rate_from_accumulation(amount_mm: ArrayLike, minutes: float) -> Floats:
    """Mean rain rate [mm h-1] over the time in which `amount_mm` fell.

    Raises:
        UnitsError: the accumulation time is not positive.
    """
    if not minutes > 0:
        raise UnitsError(f"an accumulation needs the time it covers: expected minutes above 0, got {minutes}")
    amount = np.asarray(amount_mm)
    amount = amount if np.issubdtype(amount.dtype, np.floating) else amount.astype(np.float32)
    rain_rate: Floats = amount * amount.dtype.type(60.0 / minutes)
    return rain_rate


_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_TIME_NAMES = {"s": "s", "sec": "s", "second": "s", "min": "min", "minute": "min", "h": "h", "hr": "h", "hour": "h", "d": "d", "day": "d"}
_DEPTHS_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "inch": 25.4, "inches": 25.4}
_RATE = re.compile(r"^(mm|cm|m|in|inch|inches|kg\s?m\^?-2|kg/m\^?2)\s?(?:/\s?([a-z]+)|([a-z]+)\^?-1)$")


def mm_per_hour_factor(units: str) -> float:
    """The number that turns a rain rate in these units into mm h-1.

    Reads the spellings that radar files use: "mm h-1", "mm/h", "mm hr-1", "kg m-2 s-1", "kg m-2 h-1", "m s-1", "mm/day", "in/h", ...
    One kg m-2 of water is one mm.

    Raises:
        UnitsError: the text is not a rain rate.

    Example:
        >>> mm_per_hour_factor("kg m-2 s-1")
        3600.0
    """
    spelled = units.strip().replace("**", "^").replace(" per ", "/").replace(".", " ")
    match = _RATE.match(spelled)
    period = _TIME_NAMES.get((match[2] or match[3]).rstrip("s") or "s") if match else None
    if match is None or period is None:
        raise UnitsError(f"{units!r} is not a unit of rain rate: expected mm h-1, kg m-2 s-1, m s-1 or the like")
    return _DEPTHS_MM.get(match[1], 1.0) * 3600.0 / _SECONDS[period]


@dataclass(frozen=True)
class Scaling:
    """Linear map of a quantity onto 0..1, as images and networks want it: p = (value - low) / (high - low), clipped.

    Args:
        low: value that becomes 0.
        high: value that becomes 1; above `low`.

    Example:
        >>> Scaling(-10.0, 60.0).forward(np.float32(25.0))
        np.float32(0.5)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.high > self.low:
            raise UnitsError(f"a scaling needs low < high, not {self.low} and {self.high}")

    def forward(self, value: ArrayLike) -> Floats:
        """Value to 0..1; what lies outside low..high is clipped, NaN stays NaN."""
        scaled: Floats = (np.asarray(value) - self.low) / (self.high - self.low)
        return np.clip(scaled, 0.0, 1.0)

    def inverse(self, scaled: ArrayLike) -> Floats:
        """0..1 back to the value."""
        value: Floats = np.asarray(scaled) * (self.high - self.low) + self.low
        return value
