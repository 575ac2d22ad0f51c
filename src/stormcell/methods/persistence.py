"""Persistence: it goes on raining where it rains now. The least that any method has to beat."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from stormcell.frames import Spans, check_frames, make_forecast
from stormcell.methods.method import refuse_members
from stormcell.methods.seen import latest_seen

__all__ = ["Persistence"]


@dataclass(frozen=True)
class Persistence:
    """The last frame that holds data, at every lead time."""

    past_steps: int = 2

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`. Works with a single frame."""
        refuse_members("persistence", members)
        check_frames(past)
        origin = latest_seen(past)
        last = past.values[origin]
        rain_rate = np.broadcast_to(last, (1, len(lead_times), *last.shape)).copy()
        return make_forecast(rain_rate, past, lead_times, method="persistence", steps_since_last_scan=past.sizes["time"] - 1 - origin)
