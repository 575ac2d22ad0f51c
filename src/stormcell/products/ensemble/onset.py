"""In how many minutes rain starts, and in how many it ends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError
from stormcell.frames import check_forecast, check_frames, grid_of
from stormcell.products.ensemble.members import Floats, check_levels, check_thresholds, label_product, quantile_axis, share_of_members

__all__ = ["FLAGS", "rain_onset"]

FLAGS = {"not_known": 0, "within_forecast": 1, "not_within_forecast": 2}
"""What a time that is missing means, and that it is not."""

Mask = NDArray[np.bool_]
Steps = NDArray[np.int16]

_ROOM = 1 << 22  # values of the forecast looked at together


def rain_onset(
    forecast: xr.DataArray, *, threshold: float = 0.1, quantiles: Sequence[float] = (), past: xr.DataArray | None = None
) -> xr.Dataset:
    """When rain starts at each pixel and when it ends again, in minutes from the last scan.

    It rains at a lead time where at least half of the members that have a value reach the threshold. Rain starts at the first such
    lead time, and ends at the first one after it at which it does not rain: a later shower is not looked at. Where it rains in the last
    scan already, the start is 0.

    Members may agree on a shower and not on its minute. The quantiles tell this: each member has a start and an end of its own, and level q
    is the first lead time by which a share q of the members have begun (have begun and ended). Members that stay dry never begin.

    A time is there only if it is known: with no value at some lead time before it, rain may have come earlier.

    Args:
        forecast: (member, lead_time, y, x) rain rate [mm h-1].
        threshold: rain rate from which on it rains [mm h-1].
        quantiles: levels q, 0 to 1, rising; 0 is the first member of all.
        past: (time, y, x) rain rate [mm h-1]; its last frame is the last scan. Without it, and where that saw nothing, the earliest start
            is the first lead time.

    Returns:
        `rain_start` and `rain_end`, (y, x) float32 [min], NaN where there is none; `rain_start_flag` and `rain_end_flag`, int8, tell why
        by `FLAGS`: not known, or not within the forecast. An end that is not within the forecast is rain that goes on if there is a start,
        and no rain if there is none. With quantiles the same again as `rain_start_quantile` ..., (quantile, y, x).

    Raises:
        FramesError: a field breaks the contract, the grids differ, or threshold or levels make no sense.
    """
    (threshold,) = check_thresholds([threshold])
    levels = check_levels(quantiles) if len(quantiles) else ()
    rain_rate, now = check_forecast(forecast).values, _raining_now(forecast, past, threshold)
    steps = {name: np.empty(rain_rate.shape[2:], np.int16) for name in ("rain_start", "rain_end")}
    many = {f"{name}_quantile": np.empty((len(levels), *field.shape), np.int16) for name, field in steps.items() if levels}
    members, leads, rows, columns = rain_rate.shape
    height = max(1, _ROOM // (members * leads * columns))
    for start in range(0, rows, height):
        part = slice(start, start + height)
        rain, unknown = _first_lead_is_now(rain_rate[:, :, part], np.float32(threshold), now[part])
        for name, found in zip(steps, _of_most(rain, unknown), strict=True):
            steps[name][part] = found
        for name, found in zip(many, _of_each(rain, unknown, levels), strict=False):
            many[name][:, part] = found
    minutes = np.array([0.0, *(forecast["lead_time"].values / np.timedelta64(1, "ns") / 60e9), np.nan, np.nan], np.float32)
    products: dict[str, xr.DataArray] = {}
    for name, found in {**steps, **many}.items():
        axis = quantile_axis(levels) if found.ndim == 3 else None
        products |= _labelled(name, found, minutes, forecast, axis, threshold)
    return xr.Dataset(products)


def _raining_now(forecast: xr.DataArray, past: xr.DataArray | None, threshold: float) -> Mask:
    if past is None:
        return np.zeros(forecast.shape[2:], bool)
    if not grid_of(check_frames(past)).same_as(grid_of(forecast)):
        raise FramesError(f"onset: expected past and forecast on one grid, got {past.shape[1:]} and {forecast.shape[2:]}")
    now: Mask = past.values[-1] >= np.float32(threshold)
    return now


def _first_lead_is_now(fields: Floats, threshold: np.float32, now: Mask) -> tuple[Mask, Mask]:
    """Where it rains and where that is not known, (member, 1 + lead_time, y, x); the first is the last scan."""
    members, leads, *shape = fields.shape
    rain, unknown = (np.zeros((members, 1 + leads, *shape), bool) for _ in range(2))
    rain[:, 0] = now
    np.greater_equal(fields, threshold, out=rain[:, 1:])
    np.isnan(fields, out=unknown[:, 1:])
    return rain, unknown


def _of_most(rain: Mask, unknown: Mask) -> tuple[Steps, Steps]:
    """Start and end where it rains if half of the members say so."""
    members = len(rain)
    share = share_of_members(rain.sum(axis=0, dtype=np.uint16), members - unknown.sum(axis=0, dtype=np.uint16), members)
    begin, end, lost = _spell(share >= 0.5, np.isnan(share))
    last = len(share)
    return _told(begin, lost, last), _told(end, lost, last)


def _of_each(rain: Mask, unknown: Mask, levels: Sequence[float]) -> tuple[Steps, Steps]:
    """Start and end by which a share of the members have begun, and ended, for each level."""
    members, times = rain.shape[:2]
    begin, end, lost = _spell(rain, unknown)
    both = []
    for event in (begin, end):
        share = np.empty(rain.shape[1:], np.float32)
        for time in range(times):
            happened = (event <= time) & (event < lost)
            known = happened | (lost > time)
            share[time] = share_of_members(happened.sum(axis=0, dtype=np.uint16), known.sum(axis=0, dtype=np.uint16), members)
        missing = _first(np.isnan(share))
        steps = [_told(_first((share >= np.float32(level)) & (share > 0)), missing, times) for level in levels]
        both.append(np.array(steps, np.int16).reshape(len(levels), *rain.shape[2:]))
    return both[0], both[1]


def _spell(rain: Mask, unknown: Mask) -> tuple[Steps, Steps, Steps]:
    """Steps where rain begins, is over, and is first not known, (..., time, y, x) to (..., y, x); as many as there are times if never."""
    begin = _first(rain)
    time = np.arange(rain.shape[-3], dtype=np.int16)[:, np.newaxis, np.newaxis]
    return begin, _first(~rain & ~unknown & (time > np.expand_dims(begin, -3))), _first(unknown)


def _first(event: Mask) -> Steps:
    """Step of the first event, or as many as there are times."""
    step = event.argmax(axis=-3)
    first: Steps = np.where(event.any(axis=-3), step, event.shape[-3]).astype(np.int16)
    return first


def _told(step: Steps, lost: Steps, last: int) -> Steps:
    """The step if all before it is known; `last` if it never comes, `last` + 1 if that is not known."""
    told: Steps = np.where((step > lost) | (step == last) & (lost < last), last + 1, step).astype(np.int16)
    return told


def _labelled(
    name: str, steps: Steps, minutes: Floats, forecast: xr.DataArray, axis: xr.Variable | None, threshold: float
) -> dict[str, xr.DataArray]:
    """The times and their flags; the last two steps are not within the forecast, and not known."""
    flag = np.ones(minutes.size, np.int8)
    flag[-2:] = FLAGS["not_within_forecast"], FLAGS["not_known"]
    event = name.removeprefix("rain_").removesuffix("_quantile")
    what = f"time from the last scan until rain {event}s" + (", by a share of the members" if axis is not None else "")
    also: dict[str, Any] = {"rain_threshold": threshold, "axis": axis}
    times = label_product(minutes[steps], forecast, name=name, long_name=what, units="min", ancillary_variables=f"{name}_flag", **also)
    flags = label_product(
        flag[steps],
        forecast,
        name=f"{name}_flag",
        long_name=f"whether rain {event}s within the forecast",
        standard_name="status_flag",
        flag_values=np.array(list(FLAGS.values()), np.int8),
        flag_meanings=" ".join(FLAGS),
        **also,
    )
    return {name: times, f"{name}_flag": flags}
