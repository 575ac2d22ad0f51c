"""Lagrangian probability: the rain near the place where the motion comes from tells how likely it is."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.frames import Spans, check_frames, grid_of, make_forecast, step_of
from stormcell.methods.seen import frames_for_motion, latest_seen, need_two_seen
from stormcell.motion import Trajectories, lucas_kanade
from stormcell.progress import track
from stormcell.warp import Sampler

__all__ = ["LagrangianProbability"]

Floats = NDArray[np.float32]

_GOLDEN = 1.32471795724474602596  # the root of g^3 = g + 1: steps of 1/g and 1/g^2 fill a square evenly, however many there are


@dataclass(frozen=True)
class LagrangianProbability:
    """How often it rains within a disk about the place where the rain at a pixel comes from; the disk grows with lead time.

        P(R(x, t) >= L) = share of the disk |y - X(t)| <= c t / 2 with R(y, 0) >= L,   X(t) = where the path from x leads back to

    An ensemble stands for the disk: each member is the last scan carried along, and shifted by a vector of its own that grows with lead
    time, all of them spread evenly over the disk. The share of members above a threshold comes near P the more members there are;
    `probability` gives P itself.

    NaN where advection has it; a shift into what was not seen is not made. The seed turns the pattern of vectors. A smaller ensemble is
    the beginning of a larger one.

    Attributes:
        growth: c, of the diameter [km per minute].
        estimate: motion estimator, (time, y, x) -> (2, y, x) pixels per step.
        past_steps: how many of the last frames go into the motion.

    Source:
        Germann & Zawadzki (2004), doi:10.1175/1520-0450(2004)043<0074:SDOTPO>2.0.CO;2, the "local Lagrangian" way, with the growth that
        they found best, 1 km per minute.
    """

    growth: float = 1.0
    estimate: Callable[[Floats], Floats] = lucas_kanade
    past_steps: int = 4

    def __post_init__(self) -> None:
        if not self.growth >= 0:
            raise MethodError(f"lagrangian-probability: expected a growth of 0 km per minute or more, got {self.growth}")

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`."""
        if members < 1:
            raise MethodError(f"lagrangian-probability: expected 1 member or more, got {members}")
        last, motion, leads, radii = self._start(past, lead_times)
        sampler = Sampler(last)
        rain_rate = np.empty((members, len(leads), *last.shape), np.float32)
        shifts = _in_disk(members, np.random.default_rng(seed)).astype(np.float32)
        places = track(Trajectories(motion).followed(leads), "forecast", total=len(leads))
        for lead, ((column, row), radius) in enumerate(zip(places, radii, strict=True)):
            middle = sampler.at(column, row)
            unknown = np.isnan(middle)
            for member, (x, y) in enumerate(shifts * np.float32(radius)):
                shifted = sampler.at(column + x, row + y)
                rain_rate[member, lead] = np.where(unknown | np.isnan(shifted), middle, shifted)
        late = past.sizes["time"] - 1 - latest_seen(past)
        return make_forecast(rain_rate, past, lead_times, method="lagrangian-probability", steps_since_last_scan=late)

    def probability(self, past: xr.DataArray, lead_times: Spans, *, threshold: float) -> xr.DataArray:
        """P(R >= threshold) itself, over all pixels of the disk that the last scan saw.

        Args:
            past: see `Method`.
            lead_times: see `Method`.
            threshold: rain rate [mm h-1].

        Returns:
            (lead_time, y, x), 0 to 1; NaN where `Method` would give it without the shifts.
        """
        last, motion, leads, radii = self._start(past, lead_times)
        seen = np.isfinite(last)
        event = ((last >= np.float32(threshold)) & seen).astype(np.float32)
        probability = np.empty((len(leads), *last.shape), np.float32)
        places = Trajectories(motion).followed(leads)
        for lead, ((column, row), radius) in enumerate(zip(places, radii, strict=True)):
            share = _disk_sum(event, radius) / np.maximum(_disk_sum(seen.astype(np.float32), radius), np.float32(0.5))
            share[~seen] = np.nan
            probability[lead] = np.clip(Sampler(share).at(column, row), 0, 1)
        blank = make_forecast(np.zeros((1, *probability.shape)), past, lead_times, method="lagrangian-probability")[0]
        labelled = blank.drop_vars("member").copy(data=probability).rename("probability_of_rain")
        return labelled.assign_attrs(standard_name="", long_name=f"probability of {threshold:g} mm h-1 or more", units="1")

    def _start(self, past: xr.DataArray, lead_times: Spans) -> tuple[Floats, Floats, list[float], list[float]]:
        """The last scan, the motion, lead times since then [steps], and the radii of the disk [pixels]."""
        check_frames(past)
        need_two_seen("lagrangian-probability", past)
        origin = latest_seen(past)
        late = past.sizes["time"] - 1 - origin
        leads = [float(lead) for lead in np.asarray(lead_times) / step_of(past) + late]
        pixels = self.growth / 2 * float(step_of(past) / np.timedelta64(1, "m")) / grid_of(past).pixel_km
        return past.values[origin], self.estimate(frames_for_motion(past, self.past_steps)), leads, [lead * pixels for lead in leads]


def _in_disk(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points (x, y) that fill the disk of radius 1 evenly, (count, 2)."""
    number = np.arange(1, count + 1)
    first, second = rng.random(2)
    radius = np.sqrt((first + number / _GOLDEN) % 1)
    angle = 2 * np.pi * ((second + number / _GOLDEN**2) % 1)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _disk_sum(field: Floats, radius: float) -> Floats:
    """Sum over the pixels within a radius; there is nothing outside the image."""
    reach = np.arange(-int(radius), int(radius) + 1)
    disk = (np.hypot(reach, reach[:, np.newaxis]) <= radius).astype(np.float32)
    return np.asarray(cv2.filter2D(field, cv2.CV_32F, disk, borderType=cv2.BORDER_CONSTANT))
