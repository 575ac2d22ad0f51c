"""S-PROG: small scales of rain die out sooner than large ones, so each scale fades at its own pace."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.frames import Spans
from stormcell.methods.method import refuse_members
from stormcell.methods.pysteps.adapter import forecast_by
from stormcell.methods.pysteps.start import THRESHOLD_DBR, Start, rain_rate_from_dbr

__all__ = ["PystepsSprog"]


@dataclass(frozen=True)
class PystepsSprog:
    """pysteps' S-PROG: a cascade of scales in dBR, each an autoregressive process along the motion. The forecast grows smooth.

    The distribution of rain rates is matched to the last scan's, so the largest value of a forecast is never above the observed one.

    Attributes:
        cascade_levels: how many scales; fewer on grids without room for them, each being an octave wide or more.
        ar_order: order of the autoregressive process; one more frame is needed.
        matching: of the distribution, "cdf", "mean" or None.
        past_steps: how many of the last frames go into the motion.

    Source:
        Seed (2003), doi:10.1175/1520-0450(2003)042<0381:ADASAF>2.0.CO;2.
    """

    cascade_levels: int = 6
    ar_order: int = 2
    matching: str | None = "cdf"
    past_steps: int = 4

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`. Lead times must be whole steps."""
        refuse_members("pysteps-sprog", members)
        return forecast_by("pysteps-sprog", self._model, past, lead_times, frames=self.ar_order + 1, past_steps=self.past_steps)

    def _model(self, start: Start) -> NDArray[np.floating]:
        start.need_rain(self.ar_order + 1)
        dbr = start.pysteps.nowcasts.get_method("sprog")(
            start.dbr[-(self.ar_order + 1) :],
            start.motion,
            start.every_step,
            precip_thr=THRESHOLD_DBR,
            n_cascade_levels=start.levels(self.cascade_levels),
            ar_order=self.ar_order,
            probmatching_method=self.matching,
            num_workers=start.threads,
        )
        return start.finished(rain_rate_from_dbr(start.chosen(dbr)))
