"""From a radar's scans to what a guided network reads: the first guess, on the network's clock and pixels."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.frames import grid_of, step_of
from stormcell.methods.guided.first_guess import FEWEST, FirstGuess, first_guess
from stormcell.methods.guided.series import WHOLE
from stormcell.methods.resampled import Pixels, pixels_between
from stormcell.methods.seen import latest_seen, need_two_seen

__all__ = ["Start", "start_of"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Start:
    """What a forecast begins from, in coordinates that move with the rain.

    Attributes:
        guess: on the radar's grid, and the model's clock.
        late: radar steps from the last scan that was seen to the last time of the past.
        step: radar steps in one of the model's.
        strongest: rain of the scans that were looked at [mm h-1].
        motion: (2, y, x) [the model's pixels per step of the model].
        pixels: between the two grids; None if they are the same.
    """

    guess: FirstGuess
    late: int
    step: float
    strongest: float
    motion: Floats
    pixels: Pixels | None

    @property
    def past(self) -> Floats:
        """(time, y, x) [mm h-1] on the radar's grid; NaN where nothing is known."""
        return self.guess.past

    @property
    def rain(self) -> Floats:
        """(step, y, x) [mm h-1] of the guess, on the radar's grid."""
        return self.guess.rain

    @property
    def last(self) -> Floats:
        """The last scan (y, x) [mm h-1] with NaN."""
        newest: Floats = self.guess.past[-1]
        return newest

    def without_cascade(self) -> "Start":
        """The same for a single forecast, which needs no noise; a cascade takes as much memory as a dozen fields."""
        return replace(self, guess=replace(self.guess, cascade=None))

    def on_model_grid(self, fields: Floats) -> Floats:
        """(field, y, x) of the radar's grid on the model's, NaN where nothing is known."""
        return fields if self.pixels is None else self.pixels.to_model(fields)

    def looked_up(self, fields: Floats, column: Floats, row: Floats) -> Floats:
        """(field, y, x) of the model's grid at places (y, x) of the radar's, bilinear; what is beyond the grid is like its edge."""
        if self.pixels is not None:
            column, row = self.pixels.places(column), self.pixels.places(row)
        result = np.empty((len(fields), *column.shape), np.float32)
        for field, room in zip(fields, result, strict=True):
            cv2.remap(field, column, row, cv2.INTER_LINEAR, dst=room, borderMode=cv2.BORDER_REPLICATE)
        return result


def start_of(past: xr.DataArray, last_lead: float, *, scans: int, step_minutes: float, pixel_km: float, name: str) -> Start:
    """Look at a past as a model wants it.

    Between two scans a field can be made up, see `first_guess`: any time step will do, and a scan that is missing is one not known.

    Args:
        past: see `Method`.
        last_lead: the longest lead time, in radar steps from the last time of the past.
        scans: how many the model reads.
        step_minutes: of the model.
        pixel_km: of the model.
        name: of the method, for messages.

    Raises:
        MethodError: fewer than two scans hold data, or pixels too far from the model's.
    """
    need_two_seen(name, past)
    origin = latest_seen(past)
    grid, minutes = grid_of(past), float(step_of(past) / np.timedelta64(1, "m"))
    pixels = pixels_between(grid.pixel_km, pixel_km, grid.shape, name=name)
    step, late = step_minutes / minutes, past.sizes["time"] - 1 - origin
    wanted = max(math.ceil((scans - 1) * step - WHOLE) + 1, FEWEST)
    while not np.isfinite(past.values[max(origin + 1 - wanted, 0) : origin]).any():
        wanted += 1  # nothing moves in one scan: back to the one before
    frames = past.values[max(origin + 1 - wanted, 0) : origin + 1]
    steps = max(math.ceil((last_lead + late) / step - WHOLE), 1)
    back, ahead = [index * step for index in range(scans)], [index * step for index in range(1, steps + 1)]
    guess = first_guess(frames, back=back, ahead=ahead, km=grid.pixel_km, step_minutes=minutes)
    motion = guess.motion if pixels is None else pixels.to_model(guess.motion)
    scale = np.float32(step * (1 if pixels is None else grid.pixel_km / pixel_km))
    return Start(guess, late, step, float(np.nanmax(frames)), motion * scale, pixels)
