"""Not knowing how fast the rain will move: each member goes its own way."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Self

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
_EVEN = 1.32471795724474602596  # g


@dataclass(frozen=True)
class VelocityNoise:
    """One member's error of velocity: a share of the standard deviation along the motion, another across it, kept for all lead times.

        v(x, t) = V(x) + e_1 s_1(t) n(x) + e_2 s_2(t) n'(x),    n = V / |V|,  n' = n turned by a right angle,

    with e_1, e_2 from a Laplace distribution of mean 0 and variance 1, and s(t) = a t^b + c. Two numbers a member are few, so they are not
    left to chance: they are quantiles at points that fill the unit square evenly, however many members there are (an additive
    recurrence with steps 1/g and 1/g^2, g^3 = g + 1), from a random start.

    Attributes:
        e_along: e_1.
        e_across: e_2.

    Source:
        Bowler, Pierce & Seed (2006), doi:10.1256/qj.04.100. Departure: the evenly spread points.
    """

    e_along: float
    e_across: float

    @classmethod
    def of_member(cls, member: int, start: tuple[float, float]) -> Self:
        """That of a member, by its number, with a start between 0 and 1 for all of them."""
        return cls(*(_laplace((first + (member + 1) / _EVEN**power) % 1) for power, first in enumerate(start, start=1)))

    def at(self, minutes: float, *, km: float, step_minutes: float) -> tuple[float, float]:
        """What to add along and across the motion [pixels per step], with pixels of `km` a side and steps of `step_minutes`."""
        pixels_per_step = step_minutes / 60 / km
        return self.e_along * _ALONG.at(minutes) * pixels_per_step, self.e_across * _ACROSS.at(minutes) * pixels_per_step


def _laplace(share: float) -> float:
    """Quantile of the Laplace distribution with variance 1."""
    side = share - 0.5
    return -math.copysign(math.log(max(1 - 2 * abs(side), 1e-12)), side) / math.sqrt(2)
