"""pysteps' own advection."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.frames import Spans
from stormcell.methods.method import refuse_members
from stormcell.methods.pysteps.adapter import forecast_by
from stormcell.methods.pysteps.start import Start

__all__ = ["PystepsExtrapolation"]


@dataclass(frozen=True)
class PystepsExtrapolation:
    """pysteps' `dense_lucaskanade` and `extrapolation` at their default settings.

    Attributes:
        past_steps: how many of the last frames go into the motion.

    Source:
        Pulkkinen et al. (2019), doi:10.5194/gmd-12-4185-2019.
        Germann & Zawadzki (2002), doi:10.1175/1520-0493(2002)130<2859:SDOTPO>2.0.CO;2.
    """

    past_steps: int = 4

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`. Lead times must be whole steps."""
        refuse_members("pysteps-extrapolation", members)
        return forecast_by("pysteps-extrapolation", _carried, past, lead_times, frames=2, past_steps=self.past_steps)


def _carried(start: Start) -> NDArray[np.floating]:
    return start.extrapolated(start.steps)[np.newaxis]
