"""Advection: rain is carried along by its own motion and does not change on the way (Lagrangian persistence)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.frames import Spans, check_frames, make_forecast, step_of
from stormcell.methods.method import refuse_members
from stormcell.methods.seen import frames_for_motion, latest_seen, need_two_seen
from stormcell.motion import advected, lucas_kanade
from stormcell.progress import track

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
        past_steps: how many frames go into the motion, up to the last that holds data; more if fewer than 2 of them hold any.

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
        need_two_seen(self.name, past)
        origin = latest_seen(past)
        motion = self.estimate(frames_for_motion(past, self.past_steps))
        late = past.sizes["time"] - 1 - origin
        steps = np.asarray(lead_times) / step_of(past) + late
        field = past.values[origin] if self.transform is None else self.transform.forward(past.values[origin])
        rain_rate = np.empty((1, len(steps), *field.shape), np.float32)
        for lead, moved in enumerate(track(advected(field, motion, steps), "forecast", total=len(steps))):
            rain_rate[0, lead] = moved if self.transform is None else self.transform.inverse(moved)
        return make_forecast(rain_rate, past, lead_times, method=self.name, steps_since_last_scan=late)
