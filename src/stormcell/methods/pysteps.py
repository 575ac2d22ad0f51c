"""The one adapter to pysteps (BSD-3), for side-by-side comparison; an optional extra.

pysteps prints on import and as it works, wants dBR without NaN for its motion, and gives (time, y, x) back; all of that stays in here.
"""

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError, MissingExtraError
from stormcell.frames import Spans, check_frames, make_forecast, step_of
from stormcell.methods.method import refuse_members
from stormcell.methods.persistence import latest_seen, need_two_seen

__all__ = ["PystepsExtrapolation"]

_DRY_DBR, _WET = -15.0, 0.1  # pysteps' usual transform: 0.1 mm/h is -10 dBR, dry is -15 dBR


@dataclass(frozen=True)
class PystepsExtrapolation:
    """pysteps' own advection: `dense_lucaskanade` and `extrapolation` at their default settings."""

    past_steps: int = 4

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`. Lead times must be whole steps."""
        refuse_members("pysteps-extrapolation", members)
        check_frames(past)
        need_two_seen("pysteps-extrapolation", past)
        origin = latest_seen(past)
        late = past.sizes["time"] - 1 - origin
        steps = np.asarray(lead_times) / step_of(past) + late
        if not np.allclose(steps, np.round(steps)):
            raise MethodError("pysteps-extrapolation forecasts whole radar steps only; choose lead times that are multiples of the step")
        whole = np.round(steps).astype(int)
        pysteps = _load()
        with redirect_stdout(io.StringIO()):
            motion = pysteps.motion.get_method("LK")(_dbr(past.values[: origin + 1][-self.past_steps :]))
            field = past.values[origin].astype(np.float64)
            forecast = pysteps.nowcasts.get_method("extrapolation")(field, motion, [int(step) for step in whole])
        rain_rate = np.maximum(forecast, 0.0)[np.newaxis]
        return make_forecast(rain_rate, past, lead_times, method="pysteps-extrapolation", steps_since_last_scan=late)


def _dbr(rain_rate: NDArray[np.float32]) -> NDArray[np.float64]:
    dbr = np.full(rain_rate.shape, _DRY_DBR)
    wet = rain_rate >= _WET
    dbr[wet] = 10.0 * np.log10(rain_rate[wet])
    return dbr


def _load() -> Any:
    try:
        with redirect_stdout(io.StringIO()):
            import pysteps
            import pysteps.motion
            import pysteps.nowcasts
    except ImportError as error:
        raise MissingExtraError("pysteps", extra="pysteps", purpose="the method 'pysteps-extrapolation'") from error
    return pysteps
