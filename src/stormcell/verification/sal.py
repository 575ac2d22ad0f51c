"""Structure, amplitude and location: what kind of error a forecast of rain makes, for people who do not want to match pixels."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import xarray as xr

from stormcell.errors import FramesError
from stormcell.verification.fields import Field, Mask, Sums, sums_of_fields

__all__ = ["SAL"]

_STATISTICS = ("structure", "amplitude", "location", "structure_abs", "amplitude_abs", "cases_both", "cases_either")


class _Objects(NamedTuple):
    """The rain objects of a field: their rain [mm h-1 pixels], highest rain rate [mm h-1] and centre of mass [pixels]."""

    rain: Sums
    peak: Sums
    x: Sums
    y: Sums


@dataclass(frozen=True)
class SAL:
    """Structure S, amplitude A and location L of single cases, averaged over cases; satisfies `Score`.

        A = (Df - Do) / ((Df + Do) / 2)              D: mean rain rate over the valid pixels
        S = (Vf - Vo) / ((Vf + Vo) / 2)              V: sum R_n (R_n / peak_n) / sum R_n over the objects n, R_n their rain
        L = |xf - xo| / d + 2 |rf - ro| / d          x: centre of mass; r: sum R_n |x - x_n| / sum R_n; d: diagonal of the grid

    A is -2 to 2, above 0 too much rain; S is -2 to 2, above 0 objects too large or too flat; L is 0 to 2. 0 is perfect in all three.
    Objects are pixels that touch, corners included, and reach R* = factor * the quantile of the rain of at least `wet`, each field its
    own. As S and A of opposite sign cancel over cases, their mean absolute values are given as well.

    Cases: S and L need rain in both fields; A needs it in one of them, and is near -2 or 2 where the other is dry. A field is dry if no
    valid pixel reaches `wet`. What is not defined is not counted. Pixels that are not valid hold no rain, in both fields. Distances
    are in pixels, taken as square.

    Args:
        factor: of the threshold R*.
        quantile: of the wet pixels, 0 to 1; 1 is the maximum, as in the paper of 2008.
        wet: rain rate from which on a pixel is wet [mm h-1].

    Raises:
        FramesError: a number is out of range.

    Source:
        Wernli et al. (2008), doi:10.1175/2008MWR2415.1; threshold of Wernli et al. (2009), doi:10.1175/2009WAF2222271.1.
    """

    factor: float = 1 / 15
    quantile: float = 0.95
    wet: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.factor <= 1 and 0 < self.quantile <= 1 and self.wet > 0):
            raise FramesError(f"sal: expected a factor and a quantile of 0 to 1 and a wet rain rate above 0, got {self}")

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Sums over cases and their numbers, (lead_time, statistic); a method with members is judged by their mean."""
        return sums_of_fields(self._case, forecast, observed, valid, statistic=_STATISTICS)

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`structure`, `amplitude`, `location`, `structure_abs` and `amplitude_abs`, (lead_time,) each: means over cases."""
        *totals, both, either = (sums.sel(statistic=name, drop=True) for name in _STATISTICS)
        cases = {"amplitude": either, "amplitude_abs": either}
        means = {}
        for name, total in zip(_STATISTICS, totals, strict=False):
            number = cases.get(name, both)
            means[name] = total / number.where(number > 0)
        return xr.Dataset(means)

    def _case(self, said: Field, seen: Field, known: Mask) -> tuple[float, ...]:
        wet = [bool((field >= np.float32(self.wet)).any()) for field in (said, seen)]
        if not any(wet):
            return (0.0,) * len(_STATISTICS)
        amplitude = _difference(*(float(field.sum(dtype=np.float64)) for field in (said, seen)))
        if not all(wet):
            return 0.0, amplitude, 0.0, 0.0, abs(amplitude), 0.0, 1.0
        objects = [self._objects(field) for field in (said, seen)]
        centres = [_centre(field) for field in (said, seen)]
        structure = _difference(*(float((o.rain**2 / o.peak).sum() / o.rain.sum()) for o in objects))
        scatter = [float((o.rain * np.hypot(o.x - x, o.y - y)).sum() / o.rain.sum()) for o, (x, y) in zip(objects, centres, strict=True)]
        location = (math.dist(*centres) + 2 * abs(scatter[0] - scatter[1])) / math.hypot(*known.shape)
        return structure, amplitude, location, abs(structure), abs(amplitude), 1.0, 1.0

    def _objects(self, field: Field) -> _Objects:
        threshold = np.float32(self.factor) * np.quantile(field[field >= np.float32(self.wet)], self.quantile)
        number, labels = cv2.connectedComponents((field >= threshold).view(np.uint8), connectivity=8)
        inside = np.flatnonzero(labels)
        label = np.asarray(labels, np.intp).ravel()[inside] - 1
        rain = field.ravel()[inside].astype(np.float64)
        row, column = np.divmod(inside, field.shape[1])
        total, x, y = (np.bincount(label, weights, number - 1).astype(np.float64) for weights in (rain, rain * column, rain * row))
        peak = np.zeros(number - 1)
        np.maximum.at(peak, label, rain)
        return _Objects(total, peak, x / total, y / total)


def _difference(forecast: float, observed: float) -> float:
    """Difference over mean of two positive numbers: -2 to 2."""
    return 2 * (forecast - observed) / (forecast + observed)


def _centre(field: Field) -> tuple[float, float]:
    """Centre of mass (x, y) [pixels]."""
    columns, rows = (field.sum(axis=axis, dtype=np.float64) for axis in (0, 1))
    total = columns.sum()
    return float(columns @ np.arange(columns.size) / total), float(rows @ np.arange(rows.size) / total)
