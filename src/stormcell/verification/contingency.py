"""Yes/no scores: was it raining at or above a threshold, where it was said to?

An event is a rain rate >= the threshold, in forecast and observation alike, told in float32: a pixel that holds 0.1 is an event at
the threshold 0.1, though 0.1 has no exact form in either precision. With hits h, misses m, false alarms f, correct negatives c:

              observed yes   observed no
    said yes       h              f
    said no        m              c

Every function here takes counts with a dimension `statistic`, of one case or of many added together, and keeps all other
dimensions. None of them is an average of ratios. Equations: Wilks (2019), Statistical Methods in the Atmospheric Sciences, ch. 9.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from stormcell.verification.fields import Field, Mask, Sums, check_thresholds, labelled, statistics_of, sums_of_pixels

__all__ = ["OUTCOMES", "Contingency", "accuracy", "bias", "csi", "ets", "far", "hss", "peirce", "pod"]

OUTCOMES = ("hits", "misses", "false_alarms", "correct_negatives")


def _table(counts: xr.DataArray) -> list[Sums]:
    return statistics_of(counts, OUTCOMES)


def _ratio(part: Sums, whole: Sums, counts: xr.DataArray) -> xr.DataArray:
    return labelled(counts, np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0))


def pod(counts: xr.DataArray) -> xr.DataArray:
    """Probability of detection, h / (h + m); 0 to 1, 1 is perfect. NaN where it never rained."""
    h, m, _, _ = _table(counts)
    return _ratio(h, h + m, counts)


def far(counts: xr.DataArray) -> xr.DataArray:
    """False alarm ratio, f / (h + f); 0 to 1, 0 is perfect. NaN where no rain was forecast."""
    h, _, f, _ = _table(counts)
    return _ratio(f, h + f, counts)


def csi(counts: xr.DataArray) -> xr.DataArray:
    """Critical success index, h / (h + m + f); 0 to 1, 1 is perfect. NaN where it neither rained nor was said to."""
    h, m, f, _ = _table(counts)
    return _ratio(h, h + m + f, counts)


def hss(counts: xr.DataArray) -> xr.DataArray:
    """Heidke skill score: how much better than chance the share of right answers is.

    HSS = 2 (h c - m f) / ((h + m)(m + c) + (h + f)(f + c)); -1 to 1, 1 is perfect, 0 is chance. NaN where yes or no is all there is in
    both. This is the form of the HKO-7 benchmark's published numbers (Shi et al. 2017); the formula printed there lacks the factor 2.
    """
    h, m, f, c = _table(counts)
    return _ratio(2 * (h * c - m * f), (h + m) * (m + c) + (h + f) * (f + c), counts)


def ets(counts: xr.DataArray) -> xr.DataArray:
    """Equitable threat score, or Gilbert skill score: CSI without the hits of chance.

    ETS = (h - r) / (h + m + f - r) with r = (h + m)(h + f) / n; -1/3 to 1, 1 is perfect, 0 is chance. Worked out as
    (h c - m f) / ((m + c)(h + m + f) + f (h + f)), the same times n, which is exact where the answer is not defined: NaN where yes or
    no is all there is in both. HSS = 2 ETS / (1 + ETS).
    """
    h, m, f, c = _table(counts)
    return _ratio(h * c - m * f, (m + c) * (h + m + f) + f * (h + f), counts)


def bias(counts: xr.DataArray) -> xr.DataArray:
    """Frequency bias, (h + f) / (h + m); 0 upward, 1 is perfect, above 1 too much area. NaN where it never rained."""
    h, m, f, _ = _table(counts)
    return _ratio(h + f, h + m, counts)


def accuracy(counts: xr.DataArray) -> xr.DataArray:
    """Share of right answers, (h + c) / n; 0 to 1, 1 is perfect. Close to 1 on any dry day, whatever was forecast: read it with CSI."""
    h, m, f, c = _table(counts)
    return _ratio(h + c, h + m + f + c, counts)


def peirce(counts: xr.DataArray) -> xr.DataArray:
    """Peirce skill score, h / (h + m) - f / (f + c); -1 to 1, 1 is perfect, 0 is chance. NaN where it never, or always, rained."""
    h, m, f, c = _table(counts)
    return _ratio(h, h + m, counts) - _ratio(f, f + c, counts)


_FORMULAS: tuple[Callable[[xr.DataArray], xr.DataArray], ...] = (pod, far, csi, hss, ets, bias, accuracy, peirce)


@dataclass(frozen=True)
class Contingency:
    """The scores of the table of hits, misses, false alarms and correct negatives; satisfies `Score`.

    Args:
        thresholds: rain rates that make an event [mm h-1], rising.

    Raises:
        FramesError: the thresholds are not above 0 and rising.
    """

    thresholds: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0)

    def __post_init__(self) -> None:
        check_thresholds(self.thresholds)

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Counts of the four outcomes, (lead_time, threshold, statistic); a method with members is judged by their mean."""
        return sums_of_pixels(self._counts, forecast, observed, valid, statistic=OUTCOMES, threshold=self.thresholds)

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """All scores of this file, (lead_time, threshold) each, under the names of their functions."""
        return xr.Dataset({formula.__name__: formula(sums) for formula in _FORMULAS})

    def _counts(self, said: Field, seen: Field, known: Mask) -> Sums:
        counts = np.empty((len(self.thresholds), len(OUTCOMES)))
        pixels = np.count_nonzero(known)
        for row, threshold in enumerate(np.asarray(self.thresholds, np.float32)):
            yes, rain = said >= threshold, seen >= threshold
            hits, answers, events = (np.count_nonzero(part) for part in (yes & rain, yes, rain))
            counts[row] = hits, events - hits, answers - hits, pixels - answers - events + hits
        return counts
