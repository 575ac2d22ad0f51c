"""An ensemble with given chances at each place: which members are wet where and when is told by noise with the structure of the rain."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.cascade.noise import GlobalNoise, nonparametric_amplitude
from stormcell.methods.cascade.start import Start

__all__ = ["Ranks"]

Floats = NDArray[np.float32]


class Ranks:
    """For each member and step a field of ranks, one of another place and time being alike as far as forecasts' errors are.

    Noise N goes through the cascade that the past told of, from nothing at the last scan on,

        N_j(t) = phi_1j N_j(t-1) + phi_2j N_j(t-2) + phi_0j s_j e_j(t),

    so that errors of small scales come first and last for a short time, and is divided by its standard deviation. What is handed out is
    the logit of the share of a normal distribution that lies above it: the rank at which a member takes its rain rate from the distribution
    at each place (a Gaussian copula, Clark et al. 2004 in spirit, with noise in place of past observations).

    Args:
        cascade: from which levels, correlations and spectrum are taken.
        seed: of all random numbers; a member has its own, told by its number alone.
        members: how many.

    Source:
        Seed (2003), doi:10.1175/1520-0450(2003)042<0381:ADASAF>2.0.CO;2, for the cascade; Clark et al. (2004),
        doi:10.1175/1525-7541(2004)005<0243:TSSAMF>2.0.CO;2, for members from marginal distributions and ranks.
    """

    def __init__(self, cascade: Start, seed: int | None, members: int) -> None:
        levels = cascade.levels
        noise = GlobalNoise(nonparametric_amplitude(cascade.fields, levels.domain), levels.domain)
        newest, before = (levels.domain.spectrum(field) for field in cascade.fields[:2])
        evolution = levels.evolution(newest, before, lag_1=cascade.lag_1, lag_2=cascade.lag_2, noise=noise)
        self._evolution = evolution._replace(total=0j, starts=[(0 * new, 0 * old) for new, old in evolution.starts])
        self._domain, self._members, self._entropy = levels.domain, members, np.random.SeedSequence(seed).entropy

    def steps(self, wanted: Sequence[int]) -> Iterator[list[Callable[[], Floats]]]:
        """After each of some steps of the radar, rising and from 1 on, what makes the field (y, x) of each member.

        Members may be made in any order and by any threads, each once for a step, and all of them before the next step.
        """
        running = [self._running(member, max(wanted)) for member in range(self._members)]
        reached = [0] * self._members
        latest: list[Floats | None] = [None] * self._members

        def make(member: int, step: int) -> Floats:
            while reached[member] < step:
                latest[member] = next(running[member])
                reached[member] += 1
            field = latest[member]
            assert field is not None  # steps count from 1
            return field

        for step in wanted:
            yield [partial(make, member, step) for member in range(self._members)]

    def _running(self, member: int, count: int) -> Iterator[Floats]:
        from scipy.special import log_ndtr  # slow to import

        rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(self._entropy, spawn_key=(member,))))
        for spectrum in self._evolution.steps(count, rng):
            field = self._domain.field(spectrum)
            field /= max(float(field.std()), 1e-6)
            yield log_ndtr(-field) - log_ndtr(field)
