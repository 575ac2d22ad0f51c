"""The one protocol of forecasting methods: past frames in, forecast out."""

from typing import Protocol

import xarray as xr

from stormcell.errors import MethodError
from stormcell.frames import Spans

__all__ = ["Method", "refuse_members"]


class Method(Protocol):
    """A way to forecast rain.

    One with a clock of its own, such as a network, also has `past_minutes`: how far back it looks, see `stormcell.methods.scans.scans_for`.

    Attributes:
        past_steps: how many of the last frames it makes use of; it may be given more, and works with fewer where it says so.
    """

    @property
    def past_steps(self) -> int: ...

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """Forecast from past frames.

        Args:
            past: (time, y, x) rain rate [mm h-1] that passes `check_frames`; never changed.
            lead_times: time from the last frame to each field wanted, rising, above zero; need not be whole steps.
            members: size of the ensemble; a deterministic method makes 1.
            seed: makes a random method repeatable; a deterministic method has no use for it.

        Returns:
            (member, lead_time, y, x) rain rate [mm h-1] on the grid of `past`; NaN where the method cannot know.

        Raises:
            MethodError: too few frames, or members that it cannot make.
        """
        ...


def refuse_members(name: str, members: int) -> None:
    """For deterministic methods: there is one member to have.

    Raises:
        MethodError: another number is asked for.
    """
    if members != 1:
        raise MethodError(f"{name} is deterministic: expected members=1, got {members}; leave --members out or choose an ensemble method")
