"""From the sum of the levels to a field of rain: where it may rain, and how much."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.cascade.decibels import THRESHOLD, decibels_from_rain_rate, rain_rate_from_decibels
from stormcell.methods.cascade.mask import Mask, rim_around
from stormcell.methods.cascade.matching import Matching, RankMatching, matched_mean

__all__ = ["Shaping", "wettest"]

Floats = NDArray[np.float32]
Places = NDArray[np.bool_]

_GROWTH = 0.4  # km per minute by which the border of the rain may move outward
_RIM = 11.0  # km over which rain fades beyond


@dataclass(frozen=True)
class Shaping:
    """Makes rain of a field of decibels, in the coordinates of the moving rain.

    The mask m (0 to 1) draws the field x towards its minimum, x' = x_min + m (x - x_min), and where it is 0 the field is dry. The
    rain that is left is matched with what was observed.

    Attributes:
        seen: where the last scan knows the rain, (y, x); the forecast is dry elsewhere, until it becomes NaN.
        observed: the last scan [mm h-1].
        mask: which; see `Steps`.
        areas: for the mask "sprog": where it may rain after each step; empty for the others.
        ranks: for matching by rank.
        mean: for matching by mean: of the observed rain where it rains [dB].
        buffer: pixels by which rain may grow in a step.
        rim: pixels over which it fades beyond.
    """

    seen: Places
    observed: Floats
    mask: Mask | None
    areas: list[Places]
    ranks: RankMatching | None
    mean: float | None
    buffer: float
    rim: float

    @classmethod
    def of(
        cls,
        observed: Floats,
        *,
        mask: Mask | None,
        areas: list[Places],
        matching: Matching | None,
        km: float,
        step_minutes: float,
    ) -> "Shaping":
        """For a last scan (y, x) [mm h-1] with NaN, pixels of `km` a side and steps of `step_minutes`."""
        seen = np.isfinite(observed)
        dry = np.where(seen, observed, np.float32(0))
        wet = decibels_from_rain_rate(dry[dry >= np.float32(THRESHOLD)])
        return cls(
            seen=seen,
            observed=dry,
            mask=mask,
            areas=areas,
            ranks=RankMatching(dry) if matching == "cdf" else None,
            mean=float(wet.mean(dtype=np.float64)) if matching == "mean" else None,
            buffer=max(1.0, _GROWTH * step_minutes / km),
            rim=max(1.0, _RIM / km),
        )

    def rain(self, decibels: Floats, *, step: int, before: Floats) -> Floats:
        """The rain rate (y, x) [mm h-1] of a field of decibels.

        Args:
            decibels: sum of the levels (y, x).
            step: how many steps ahead, from 1.
            before: rain rate of the step before (y, x) [mm h-1], itself the result of this method or the last scan.
        """
        low = np.float32(decibels.min() - 1e-3)
        above = np.multiply(decibels - low, self._room(step, before))
        if self.ranks is not None:
            return self.ranks(above)
        kept = np.where(above > 0, above + low, np.float32(0))
        return rain_rate_from_decibels(kept) if self.mean is None else matched_mean(kept, self.mean)

    def _room(self, step: int, before: Floats) -> Floats | Places:
        """How freely it may rain at each pixel, 0 to 1."""
        match self.mask:
            case "incremental":
                return rim_around(before >= np.float32(THRESHOLD), buffer=self.buffer, rim=self.rim) * self.seen
            case "obs":
                return self.observed >= np.float32(THRESHOLD)
            case "sprog":
                return self.areas[step - 1]
            case None:
                return self.seen


def wettest(decibels: Floats, seen: Places, pixels: int) -> Places:
    """Where a field of decibels is highest: so many pixels among those that are seen."""
    if pixels == 0:
        return np.zeros_like(seen)
    values = decibels[seen]
    least = np.partition(values, values.size - pixels)[values.size - pixels]
    area: Places = seen & (decibels >= least)
    return area
