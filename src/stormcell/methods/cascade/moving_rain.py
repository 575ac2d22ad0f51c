"""How rain changes, seen from the rain itself: the cascade's evolution and its shaping into rain, before anything is moved."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.cascade.decibels import THRESHOLD
from stormcell.methods.cascade.domain import SpectralDomain
from stormcell.methods.cascade.levels import Evolution
from stormcell.methods.cascade.local_noise import LocalNoise
from stormcell.methods.cascade.noise import GlobalNoise, Noise, nonparametric_amplitude, parametric_amplitude
from stormcell.methods.cascade.settings import Settings
from stormcell.methods.cascade.shaping import Shaping, wettest
from stormcell.methods.cascade.start import Start

__all__ = ["MovingRain"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class MovingRain:
    """The rain of the coming steps in Lagrangian coordinates: each field lies where the rain is now.

    Attributes:
        evolution: of the cascade.
        domain: grid and boundary.
        shaping: from decibels to rain.
    """

    evolution: Evolution
    domain: SpectralDomain
    shaping: Shaping

    @classmethod
    def of(cls, start: Start, settings: Settings, last: Floats, steps: int, *, km: float, step_minutes: float) -> "MovingRain":
        """What is needed for so many steps.

        Args:
            start: what the past frames say.
            settings: what was chosen.
            last: the last scan (y, x) [mm h-1] with NaN.
            steps: how many steps of the radar at most.
            km: side of a pixel.
            step_minutes: length of a step.
        """
        shaping = _shaping(start, settings, last, steps, km=km, step_minutes=step_minutes)
        return cls(_evolution(start, settings), start.levels.domain, shaping)

    def steps(self, count: int, rng: np.random.Generator) -> Iterator[Floats]:
        """Rain rate (y, x) [mm h-1] after 1, 2, ... steps; dry where the last scan saw nothing.

        Args:
            count: how many steps, no more than it was made for.
            rng: of the noise, if there is any.
        """
        rain = self.shaping.observed
        for step, spectrum in enumerate(self.evolution.steps(count, rng), start=1):
            rain = self.shaping.rain(self.domain.field(spectrum), step=step, before=rain)
            yield rain


def _noise(start: Start, settings: Settings) -> Noise | None:
    fields, domain = start.fields, start.levels.domain
    match settings.noise:
        case "nonparametric":
            return GlobalNoise(nonparametric_amplitude(fields, domain), domain)
        case "parametric":
            return GlobalNoise(parametric_amplitude(fields, domain), domain)
        case "local":
            return LocalNoise(fields, domain)
        case None:
            return None


def _evolution(start: Start, settings: Settings) -> Evolution:
    newest, before = (start.levels.domain.spectrum(field) for field in start.fields[:2])
    return start.levels.evolution(newest, before, lag_1=start.lag_1, lag_2=start.lag_2, noise=_noise(start, settings))


def _shaping(start: Start, settings: Settings, last: Floats, steps: int, *, km: float, step_minutes: float) -> Shaping:
    areas = []
    if settings.mask == "sprog":
        fading = _evolution(start, replace(settings, noise=None))
        seen, pixels = np.isfinite(last), int((last >= np.float32(THRESHOLD)).sum())
        domain = start.levels.domain
        areas = [wettest(domain.field(spectrum), seen, pixels) for spectrum in fading.steps(steps, np.random.default_rng(0))]
    return Shaping.of(last, mask=settings.mask, areas=areas, matching=settings.matching, km=km, step_minutes=step_minutes)
