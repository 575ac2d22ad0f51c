"""STEPS: S-PROG's cascade, with noise put back for what each scale loses. An ensemble of ways the rain may go on."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.frames import Spans
from stormcell.methods.cascade.domain import Boundary
from stormcell.methods.cascade.engine import forecast_by_cascade
from stormcell.methods.cascade.mask import Mask
from stormcell.methods.cascade.matching import Matching
from stormcell.methods.cascade.settings import NoiseKind, Settings
from stormcell.motion import lucas_kanade

__all__ = ["Steps"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Steps:
    """Short-term ensemble prediction system: every member is one way the rain may go on, as sharp as the last scan.

    One member is such a way drawn at random: it is no best guess, and scores worse than `Sprog`. Ask for 20 or so, and take their mean
    or their share above a threshold. With the same seed, a smaller ensemble is the beginning of a larger one.

    Attributes:
        cascade_levels: how many scales; fewer on grids without room for them, each being an octave wide or more.
        ar_order: order of the autoregressive process, 1 or 2; one more frame is needed, or it is 1 where a scan is missing.
        noise: how it is made: "nonparametric" (with the last scans' own spectrum), "parametric" (two power laws), or "local" (a
            spectrum for each window of 128 pixels; far slower).
        motion_noise: does each member have a motion of its own?
        mask: where rain may be: "incremental" (near the rain of the step before), "obs" (where it rains now, carried along), "sprog"
            (where S-PROG has rain) or None.
        matching: of the distribution: "cdf" (by rank), "mean" (of the rain where it rains) or None.
        boundary: what lies beyond the border: "mirror", "dry" or "periodic".
        estimate: motion estimator, (time, y, x) -> (2, y, x) pixels per step.
        past_steps: how many of the last frames go into the motion.

    Source:
        Bowler, Pierce & Seed (2006), doi:10.1256/qj.04.100; Seed, Pierce & Norman (2013), doi:10.1002/wrcr.20536; with the mask of
        Pulkkinen et al. (2019), doi:10.5194/gmd-12-4185-2019.
    """

    cascade_levels: int = 6
    ar_order: int = 2
    noise: NoiseKind = "nonparametric"
    motion_noise: bool = True
    mask: Mask | None = "incremental"
    matching: Matching | None = "cdf"
    boundary: Boundary = "mirror"
    estimate: Callable[[Floats], Floats] = lucas_kanade
    past_steps: int = 4

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`."""
        settings = Settings(**{item.name: getattr(self, item.name) for item in fields(self)})
        return forecast_by_cascade("steps", settings, past, lead_times, members=members, seed=seed)
