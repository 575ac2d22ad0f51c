"""STEPS: S-PROG's cascade, with noise put back for what each scale loses. The usual reference among ensembles of rain."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.frames import Spans
from stormcell.methods.pysteps.adapter import forecast_by
from stormcell.methods.pysteps.start import THRESHOLD_DBR, Start, rain_rate_from_dbr

__all__ = ["PystepsSteps"]


@dataclass(frozen=True)
class PystepsSteps:
    """pysteps' STEPS: every member is one way the rain may go on, as sharp as the last scan and with its distribution of rain rates.

    One member is allowed, and is one such way drawn at random: it is no best guess, and scores worse than S-PROG. Ask for 20 or so, and
    take their mean or their share above a threshold. Each member costs about as much as an S-PROG forecast. With the same seed, a
    smaller ensemble is the beginning of a larger one.

    Attributes:
        cascade_levels: how many scales; fewer on grids without room for them, each being an octave wide or more.
        ar_order: order of the autoregressive process; one more frame is needed.
        noise: how it is made: "nonparametric" (with the last scans' own spectrum), "parametric", "ssft" or "nested".
        motion_noise: perturbation of the motion, "bps" or None.
        mask: where rain may be: "incremental" (near the rain, a border that widens by 1 km/min), "obs", "sprog" or None.
        matching: of the distribution, "cdf", "mean" or None.
        past_steps: how many of the last frames go into the motion.

    Source:
        Bowler, Pierce & Seed (2006), doi:10.1256/qj.04.100; Seed, Pierce & Norman (2013), doi:10.1002/wrcr.20536.
    """

    cascade_levels: int = 6
    ar_order: int = 2
    noise: str = "nonparametric"
    motion_noise: str | None = "bps"
    mask: str | None = "incremental"
    matching: str | None = "cdf"
    past_steps: int = 4

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`. Lead times must be whole steps."""
        frames = self.ar_order + 1
        return forecast_by(
            "pysteps-steps", self._model, past, lead_times, frames=frames, past_steps=self.past_steps, members=members, seed=seed
        )

    def _model(self, start: Start) -> NDArray[np.floating]:
        rows, columns = start.rain_rate.shape[1:]
        # The noise takes its spectrum from a round window; pysteps forecasts no rain at all where there is none in it.
        window = start.pysteps.utils.tapering.compute_window_function(rows, columns, "tukey") > 0
        start.need_rain(self.ar_order + 1, within=window)
        forecast, collect = start.collected()
        start.pysteps.nowcasts.get_method("steps")(
            start.dbr[-(self.ar_order + 1) :],
            start.motion,
            start.every_step,
            n_ens_members=start.members,
            n_cascade_levels=start.levels(self.cascade_levels),
            precip_thr=THRESHOLD_DBR,
            kmperpixel=start.km,
            timestep=start.minutes,
            noise_method=self.noise,
            ar_order=self.ar_order,
            vel_pert_method=self.motion_noise,
            mask_method=self.mask,
            probmatching_method=self.matching,
            seed=start.seed,
            num_workers=start.threads,
            callback=lambda dbr: collect(rain_rate_from_dbr(dbr)),
            return_output=False,
        )
        return start.finished(forecast)
