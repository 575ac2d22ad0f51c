"""One engine for all forecasts by a cascade: evolve in Fourier space, transform once, match, look up once along the member's path."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.frames import Spans, check_frames, grid_of, make_forecast, step_of
from stormcell.methods.advection import Advection
from stormcell.methods.cascade.decibels import THRESHOLD
from stormcell.methods.cascade.moving_rain import MovingRain
from stormcell.methods.cascade.settings import Settings
from stormcell.methods.cascade.start import UnsuitedError, start_from
from stormcell.methods.cascade.velocity_noise import VelocityNoise
from stormcell.methods.seen import frames_for_motion, latest_seen, need_two_seen
from stormcell.motion import Trajectories
from stormcell.progress import track
from stormcell.warp import Sampler

__all__ = ["forecast_by_cascade"]

Floats = NDArray[np.float32]


def forecast_by_cascade(
    name: str, settings: Settings, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None
) -> xr.DataArray:
    """Forecast, or let advection stand in where there is nothing to learn from.

    The cascade evolves in whole radar steps; a lead time between two steps takes the nearer one, and is carried along for exactly its
    time. Each member has its own random numbers, told by the seed and its number alone, and is made by one thread from start to end:
    a smaller ensemble is the beginning of a larger one, and neither the number of threads nor how members are shared out changes a
    bit. Beside the forecast itself, memory is needed for as many members as there are threads.

    Args:
        name: of the method.
        settings: what was chosen.
        past: see `Method`.
        lead_times: see `Method`.
        members: see `Method`.
        seed: see `Method`.

    Returns:
        (member, lead_time, y, x) [mm h-1], 0 or 0.1 and more. NaN where the path begins in what the last scan did not see. The attribute
        `fallback` is there if not all could be done as asked for, and says why.

    Raises:
        MethodError: too few frames, or no members.
    """
    check_frames(past)
    if members < 1:
        raise MethodError(f"{name}: expected 1 member or more, got {members}")
    need_two_seen(name, past)
    origin = latest_seen(past)
    late = past.sizes["time"] - 1 - origin
    leads = np.asarray(lead_times) / step_of(past) + late
    motion = settings.estimate(frames_for_motion(past, settings.past_steps))
    frames = past.values[: origin + 1]
    try:
        start = start_from(frames, motion, order=settings.ar_order, levels=settings.cascade_levels, boundary=settings.boundary)
    except UnsuitedError as reason:
        carried = Advection(estimate=lambda _: motion)(past, lead_times).values
        rain_rate = np.repeat(carried, members, axis=0)
        rain_rate[rain_rate < np.float32(THRESHOLD)] = 0.0
        return make_forecast(rain_rate, past, lead_times, method=name, steps_since_last_scan=late, fallback=f"advection: {reason}")
    km, step_minutes = grid_of(past).pixel_km, float(step_of(past) / np.timedelta64(1, "m"))
    ensemble = _Ensemble(
        sampler=Sampler(frames[-1]),
        moving=MovingRain.of(start, settings, frames[-1], _whole_step(leads[-1]), km=km, step_minutes=step_minutes),
        trajectories=Trajectories(motion),
        leads=[float(lead) for lead in leads],
        velocity=partial(VelocityNoise.at, km=km, step_minutes=step_minutes) if settings.motion_noise else None,
        step_minutes=step_minutes,
        seeds=np.random.SeedSequence(seed),
    )
    said = {"fallback": start.said} if start.said else {}
    return make_forecast(ensemble.forecast(members), past, lead_times, method=name, steps_since_last_scan=late, **said)


def _whole_step(lead: float) -> int:
    """The step whose cascade a lead time takes."""
    return max(1, round(lead))


@dataclass(frozen=True)
class _Ensemble:
    """All that members share.

    Attributes:
        sampler: of the last scan.
        moving: the rain in the coordinates that move with it.
        trajectories: along the motion.
        leads: lead times in steps since the last scan.
        velocity: from a member's `VelocityNoise` and minutes ahead to what is added to the motion; None for nothing.
        step_minutes: length of a step.
        seeds: of all random numbers.
    """

    sampler: Sampler
    moving: MovingRain
    trajectories: Trajectories
    leads: list[float]
    velocity: Callable[[VelocityNoise, float], tuple[float, float]] | None
    step_minutes: float
    seeds: np.random.SeedSequence

    def forecast(self, members: int) -> Floats:
        """(member, lead_time, y, x) [mm h-1]."""
        rain_rate = np.empty((members, len(self.leads), *self.sampler.shape), np.float32)
        threads = max(1, min(cv2.getNumThreads(), members))  # what this process may use: a worker of a hindcast has one
        with ThreadPoolExecutor(threads) as pool:
            for _ in track(pool.map(self._fill, range(members), rain_rate), "forecast", total=members):
                pass
        return rain_rate

    def _fill(self, member: int, room: Floats) -> None:
        """Make a member, into (lead_time, y, x)."""
        rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(self.seeds.entropy, spawn_key=(member,))))
        places = self.trajectories.followed(self.leads, change=self._change(member))
        wanted = [_whole_step(lead) for lead in self.leads]
        lead = 0
        for step, rain in enumerate(self.moving.steps(wanted[-1], rng), start=1):
            while lead < len(wanted) and wanted[lead] == step:
                moved = self.sampler.holding(rain).at(*next(places))
                np.multiply(moved, moved >= np.float32(THRESHOLD), out=room[lead])  # NaN times 0 is NaN
                lead += 1

    def _change(self, member: int) -> Callable[[float], tuple[float, float]] | None:
        if self.velocity is None:
            return None
        first, second = np.random.default_rng(self.seeds).random(2)
        velocity, noise = self.velocity, VelocityNoise.of_member(member, (float(first), float(second)))
        return lambda lead: velocity(noise, lead * self.step_minutes)
