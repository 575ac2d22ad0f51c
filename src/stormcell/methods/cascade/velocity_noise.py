"""Not knowing how fast the rain will move: each member goes its own way."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

__all__ = ["Growth", "VelocityNoise"]


class Growth(NamedTuple):
    """Standard deviation of an error of velocity after t minutes, a t^b + c [km h-1]; 0 where that is negative."""

    a: float
    b: float
    c: float

    def at(self, minutes: float) -> float:
        return max(0.0, self.a * float(minutes**self.b) + self.c)


# as fitted to Swiss radar; in pysteps' documentation of `noise.motion`
_ALONG = Growth(10.88, 0.23, -7.68)
_ACROSS = Growth(5.76, 0.31, -2.72)


@dataclass(frozen=True)
class VelocityNoise:
    """One member's error of velocity: a share of the standard deviation along the motion, another across it, kept for all lead times.

        v(x, t) = V(x) + e_1 s_1(t) n(x) + e_2 s_2(t) n'(x),    n = V / |V|,  n' = n turned by a right angle,

    with e_1, e_2 from a Laplace distribution of mean 0 and variance 1, and s(t) = a t^b + c.

    Attributes:
        e_along: e_1.
        e_across: e_2.

    Source:
        Bowler, Pierce & Seed (2006), doi:10.1256/qj.04.100.
    """

    e_along: float
    e_across: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        along, across = rng.laplace(scale=1 / np.sqrt(2), size=2)
        return cls(float(along), float(across))

    def at(self, minutes: float, *, km: float, step_minutes: float) -> tuple[float, float]:
        """What to add along and across the motion [pixels per step], with pixels of `km` a side and steps of `step_minutes`."""
        pixels_per_step = step_minutes / 60 / km
        return self.e_along * _ALONG.at(minutes) * pixels_per_step, self.e_across * _ACROSS.at(minutes) * pixels_per_step
