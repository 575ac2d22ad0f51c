"""The cascade itself: a field split into levels of scale, each of which goes its own way in time."""

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.cascade.autoregression import Autoregression, autoregression
from stormcell.methods.cascade.bandpass import gaussian_bandpass
from stormcell.methods.cascade.domain import SpectralDomain
from stormcell.methods.cascade.noise import Noise

__all__ = ["Evolution", "Levels"]

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Spectrum = NDArray[np.complex64]


class _Level(NamedTuple):
    """A run of coefficients and their weights, once for each, and twice over for real and imaginary part."""

    run: slice
    weight: Floats
    twice: Floats


class Levels:
    """The levels of a cascade in a `SpectralDomain`.

    Because coefficients are sorted by wavenumber, a level is a run of them, and six levels hold between them little more than twice the
    coefficients of one field. A level is never transformed back: variances and correlations follow from Parseval's theorem, and the
    levels are added up before the one inverse transform that a forecast field needs.

    Args:
        domain: grid and boundary.
        count: number of levels.
    """

    def __init__(self, domain: SpectralDomain, count: int) -> None:
        self.domain = domain
        weights = gaussian_bandpass(domain.wavenumber, levels=count, longest=domain.longest)
        weights[:, 0] = 0.0  # the sum of the field belongs to no level: it stays what it is
        self._levels = []
        for weight in weights:
            inside = np.flatnonzero(weight)
            run = slice(int(inside[0]), int(inside[-1]) + 1)
            self._levels.append(_Level(run, weight[run], np.repeat(weight[run], 2)))

    def __len__(self) -> int:
        return len(self._levels)

    def covariance(self, one: Spectrum, other: Spectrum) -> Numbers:
        """Mean over the domain of the product of two fields, level by level: sum_k W^2 Re(A B*) / n^2, (level,)."""
        return self._summed(one.real * other.real + one.imag * other.imag)

    def variance_of(self, noise: Noise) -> Numbers:
        """Expected variance of the levels of noise, (level,); the mean over its windows where it is local."""
        return self._summed(np.atleast_2d(noise.variance).mean(axis=0))

    def _summed(self, power: Floats) -> Numbers:
        total = [np.dot((self.domain.count[level.run] * power[level.run]).astype(np.float64), level.weight**2) for level in self._levels]
        return np.array(total) / self.domain.pixels**2

    def correlation(self, one: Spectrum, other: Spectrum) -> Numbers:
        """Correlation of two fields, level by level; 0 where a level has no power, (level,)."""
        scale = np.sqrt(self.covariance(one, one) * self.covariance(other, other))
        return np.divide(self.covariance(one, other), scale, out=np.zeros_like(scale), where=scale > 0)

    def evolution(self, newest: Spectrum, before: Spectrum, *, lag_1: Numbers, lag_2: Numbers | None, noise: Noise | None) -> "Evolution":
        """What is needed to let the cascade evolve from two fields, given the autocorrelations of its levels; without noise it fades.

        The process is of levels that keep their variance: those of the field before are scaled to that of the newest.
        """
        process = autoregression(lag_1, lag_2)
        now, then = (np.sqrt(self.covariance(field, field)) for field in (newest, before))
        strength = np.zeros(len(self))
        if noise is not None:
            drawn = np.sqrt(self.variance_of(noise))
            strength = process.phi_0 * np.divide(now, drawn, out=np.zeros_like(drawn), where=drawn > 0)
        scale = np.divide(now, then, out=np.ones_like(now), where=then > 0).astype(np.float32)
        news = [(newest[level.run] * level.weight).astype(np.complex64) for level in self._levels]
        olds = [(before[level.run] * (level.weight * size)).astype(np.complex64) for level, size in zip(self._levels, scale, strict=True)]
        gains = [level.twice * np.float32(factor) for level, factor in zip(self._levels, strength, strict=True)]
        return Evolution(
            size=newest.size,
            total=complex(newest[0]),
            runs=[level.run for level in self._levels],
            starts=list(zip(news, olds, strict=True)),
            gains=gains,
            process=process,
            noise=noise,
        )


class Evolution(NamedTuple):
    """A cascade on its way, level by level on the coefficients,

        X_j(t) = phi_1j X_j(t-1) + phi_2j X_j(t-2) + phi_0j (s_j / d_j) W_j N(t),

    where s_j is the standard deviation of level j of the last scan, d_j that of the noise N, so the level keeps its variance. The mean of
    the field is kept.

    Attributes:
        size: number of coefficients.
        total: the first one, the sum of the field.
        runs: of each level.
        starts: X_j(0) and X_j(-1) of each level.
        gains: of each level, phi_0j (s_j / d_j) W_j, twice over for real and imaginary part.
        process: phi.
        noise: N; None for a cascade that only fades.

    Source:
        Seed (2003), doi:10.1175/1520-0450(2003)042<0381:ADASAF>2.0.CO;2; Bowler, Pierce & Seed (2006), doi:10.1256/qj.04.100.
    """

    size: int
    total: complex
    runs: list[slice]
    starts: list[tuple[Spectrum, Spectrum]]
    gains: list[Floats]
    process: Autoregression
    noise: Noise | None

    def steps(self: Self, count: int, rng: np.random.Generator) -> Iterator[Spectrum]:
        """The sum of the levels after 1, 2, ... `count` steps; each is handed out once and may be overwritten."""
        news = [new.copy().view(np.float32) for new, _ in self.starts]
        olds = [old.copy().view(np.float32) for _, old in self.starts]
        room = np.empty(2 * self.size, np.float32)
        for _ in range(count):
            noise = None if self.noise is None else self.noise.draw(rng).view(np.float32)
            total = np.zeros(self.size, np.complex64)
            total[0] = self.total
            summed = total.view(np.float32)
            for j, run in enumerate(self.runs):
                part = slice(2 * run.start, 2 * run.stop)
                product = room[: news[j].size]
                olds[j] *= np.float32(self.process.phi_2[j])
                olds[j] += np.multiply(news[j], np.float32(self.process.phi_1[j]), out=product)
                if noise is not None:
                    olds[j] += np.multiply(noise[part], self.gains[j], out=product)
                news[j], olds[j] = olds[j], news[j]
                summed[part] += news[j]
            yield total
