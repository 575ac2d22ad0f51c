"""Advection: rain is carried along by its own motion and does not change on the way (Lagrangian persistence)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.frames import Spans, check_frames, make_forecast, step_of
from stormcell.methods.method import refuse_members
from stormcell.methods.persistence import latest_seen
from stormcell.motion import advect, lucas_kanade

__all__ = ["Advection", "Transform"]

Field = NDArray[np.float32]


class Transform(Protocol):
    """A scale on which the field is interpolated, such as ROVER's arctangent of reflectivity."""

    def forward(self, rain_rate: Field) -> Field: ...

    def inverse(self, transformed: Field) -> Field: ...


@dataclass(frozen=True)
class Advection:
    """Estimate the motion from the past, follow it backward from each pixel, and read the last frame there.

    What comes in from outside the image, or from where the radar did not see, is NaN. A last scan that is missing is made good
    by starting from the one before, a step further back. Dry frames have no motion and stay dry.

    Attributes:
        estimate: motion estimator, (time, y, x) -> (2, y, x) pixels per step.
        transform: interpolate on this scale instead of mm h-1.
        name: what the method is called in the forecast.
        past_steps: how many frames go into the motion; at least 2 are needed.

    Source:
        Germann & Zawadzki (2002), doi:10.1175/1520-0493(2002)130<2859:SDOTPO>2.0.CO;2.
    """

    estimate: Callable[[Field], Field] = lucas_kanade
    transform: Transform | None = None
    name: str = "advection"
    past_steps: int = 4

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`."""
        refuse_members(self.name, members)
        check_frames(past)
        if past.sizes["time"] < 2:
            raise MethodError(f"{self.name} sees motion only between two scans or more, got one; give more files")
        origin = latest_seen(past)
        motion = self.estimate(past.values[-self.past_steps :])
        late = past.sizes["time"] - 1 - origin
        steps = np.asarray(lead_times) / step_of(past) + late
        field = past.values[origin]
        if self.transform is None:
            rain_rate = advect(field, motion, steps)
        else:
            rain_rate = self.transform.inverse(advect(self.transform.forward(field), motion, steps))
        return make_forecast(rain_rate[np.newaxis], past, lead_times, method=self.name, steps_since_last_scan=late)
