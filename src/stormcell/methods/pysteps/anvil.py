"""ANVIL: growth and decay of rain go on for a while as they did."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.frames import Spans
from stormcell.methods.method import refuse_members
from stormcell.methods.pysteps.adapter import forecast_by
from stormcell.methods.pysteps.start import Start

__all__ = ["PystepsAnvil"]


@dataclass(frozen=True)
class PystepsAnvil:
    """pysteps' ANVIL on rain rate: a cascade of scales, each an autoregressive process of the differences between frames, place by place.

    The method was made for vertically integrated liquid, which a composite of rain does not have; pysteps documents rain rate as the other
    choice. Rain may grow beyond what was observed, but not where the last scan was dry.

    Attributes:
        cascade_levels: how many scales; fewer on grids without room for them, each being an octave wide or more.
        ar_order: order of the autoregressive process, 1 or 2; two more frames are needed.
        window: standard deviation of the neighbourhood from which a place learns [pixels]; None for the whole grid.
        past_steps: how many of the last frames go into the motion.

    Source:
        Pulkkinen et al. (2020), doi:10.1109/TGRS.2020.2984594.
    """

    cascade_levels: int = 6
    ar_order: int = 2
    window: int | None = 50
    past_steps: int = 4

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`. Lead times must be whole steps."""
        refuse_members("pysteps-anvil", members)
        return forecast_by("pysteps-anvil", self._model, past, lead_times, frames=self.ar_order + 2, past_steps=self.past_steps)

    def _model(self, start: Start) -> NDArray[np.floating]:
        start.need_rain(self.ar_order + 2)
        rain_rate = start.pysteps.nowcasts.get_method("anvil")(
            start.rain_rate[-(self.ar_order + 2) :],
            start.motion,
            start.every_step,
            n_cascade_levels=start.levels(self.cascade_levels),
            ar_order=self.ar_order,
            ar_window_radius=self.window,
            num_workers=start.threads,
        )
        return start.finished(start.chosen(rain_rate))
