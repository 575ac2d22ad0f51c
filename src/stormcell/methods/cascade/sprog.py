"""S-PROG: small scales of rain die out sooner than large ones, so each scale fades at its own pace."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.frames import Spans
from stormcell.methods.cascade.domain import Boundary
from stormcell.methods.cascade.engine import forecast_by_cascade
from stormcell.methods.cascade.matching import Matching
from stormcell.methods.cascade.settings import Settings
from stormcell.methods.method import refuse_members
from stormcell.motion import lucas_kanade

__all__ = ["Sprog"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sprog:
    """Spectral prognosis: a cascade of scales in decibels, each an autoregressive process along the motion. The forecast grows smooth.

    With the default matching it keeps the distribution of rain rates of the last scan: where rain is, is as smooth as what is known,
    how much of it there is, is not.

    Attributes:
        cascade_levels: how many scales; fewer on grids without room for them, each being an octave wide or more.
        ar_order: order of the autoregressive process, 1 or 2; one more frame is needed, or it is 1 where a scan is missing.
        matching: of the distribution: "cdf" (by rank), "mean" (of the rain where it rains) or None.
        boundary: what lies beyond the border: "mirror", "dry" or "periodic".
        estimate: motion estimator, (time, y, x) -> (2, y, x) pixels per step.
        past_steps: how many of the last frames go into the motion.

    Source:
        Seed (2003), doi:10.1175/1520-0450(2003)042<0381:ADASAF>2.0.CO;2.
    """

    cascade_levels: int = 6
    ar_order: int = 2
    matching: Matching | None = "cdf"
    boundary: Boundary = "mirror"
    estimate: Callable[[Floats], Floats] = lucas_kanade
    past_steps: int = 4

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`."""
        refuse_members("sprog", members)
        settings = Settings(
            cascade_levels=self.cascade_levels,
            ar_order=self.ar_order,
            matching=self.matching,
            boundary=self.boundary,
            estimate=self.estimate,
            past_steps=self.past_steps,
        )
        return forecast_by_cascade("sprog", settings, past, lead_times)
