"""One call from past frames to a forecast, with any method."""

import numpy as np
import xarray as xr

from stormcell.errors import MethodError
from stormcell.frames import Spans, are_lead_times, check_frames, step_of
from stormcell.methods import Method, method_named
from stormcell.timeline import parse_lead_times

__all__ = ["nowcast"]

DEFAULT_METHOD = "guided"
DEFAULT_LEAD = "120min"


def nowcast(
    past: xr.DataArray,
    *,
    method: str | Method = DEFAULT_METHOD,
    lead: str | Spans = DEFAULT_LEAD,
    members: int = 1,
    seed: int | None = None,
) -> xr.DataArray:
    """Forecast the rain that follows these frames.

    Args:
        past: (time, y, x) rain rate [mm h-1], as `stormcell.read` gives it.
        method: any name that `stormcell.methods.method_named` knows (of `METHODS`, a model's folder, "guided:mean"), or any object that
            satisfies the protocol.
        lead: how far ahead ("2h", "90min"; one field a radar step), or the lead times themselves as timedelta64.
        members: size of the ensemble, for methods that make one.
        seed: makes an ensemble repeatable.

    Returns:
        (member, lead_time, y, x) rain rate [mm h-1].

    Raises:
        FramesError: the field breaks the contract.
        MethodError: the method is unknown, or cannot work with these frames; the lead times or the seed are none.
        UnitsError: the lead time is not understood.
    """
    check_frames(past)
    forecaster = method_named(method) if isinstance(method, str) else method
    lead_times = parse_lead_times(lead, step_of(past)) if isinstance(lead, str) else np.asarray(lead)
    if not are_lead_times(lead_times):
        raise MethodError(
            f"lead times: expected a list of rising timedelta64 above zero, got {lead_times!r}; stormcell.timeline.minutes makes one"
        )
    if seed is not None and seed < 0:
        raise MethodError(f"seed: expected a whole number of 0 or more, got {seed}")
    return forecaster(past, lead_times, members=members, seed=seed)
