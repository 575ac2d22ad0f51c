"""The one loop over lead times of all scores that look at fields, with the mask applied before anyone looks."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from stormcell.errors import FramesError
from stormcell.verification.score import check_case, point_forecast

__all__ = [
    "Field",
    "Mask",
    "Sums",
    "aligned_room",
    "check_thresholds",
    "labelled",
    "statistics_of",
    "sums_of_fields",
    "sums_of_members",
    "sums_of_pixels",
]

Field = NDArray[np.float32]
"""Rain rates [mm h-1] of a forecast or of what came."""

Mask = NDArray[np.bool_]
"""Where they count."""

Sums = NDArray[np.float64]
"""What scores are made of, and what adds up."""

_CACHE_LINE = 64  # bytes
_BLOCK = 500_000  # pixels that are looked at together: few enough for the cache


def sums_of_fields(
    kernel: Callable[[Field, Field, Mask], ArrayLike],
    forecast: xr.DataArray,
    observed: xr.DataArray,
    valid: xr.DataArray,
    *,
    statistic: Sequence[str],
    **dims: Sequence[float],
) -> xr.DataArray:
    """The sums of a score that looks at one field of forecast: the only member, or the mean of the ensemble.

    Args:
        kernel: from forecast, observation and mask of one lead time, each (y, x), to sums (*dims, statistic). The fields are float32
            and hold 0 wherever the mask is False, so that nothing outside can leak into a score. They are overwritten afterwards, and
            several threads call at once.
        forecast: (member, lead_time, y, x) [mm h-1].
        observed: (lead_time, y, x) [mm h-1].
        valid: (lead_time, y, x) bool.
        statistic: names of what is summed.
        **dims: coordinates of the dimensions between `lead_time` and `statistic`.

    Returns:
        (lead_time, *dims, statistic) float64.

    Raises:
        FramesError: the three do not fit together, or a valid pixel is not finite.
    """
    check_case(forecast, observed, valid)
    mean = point_forecast(forecast).expand_dims("member")
    return sums_of_members(lambda members, *rest: kernel(members[0], *rest), mean, observed, valid, statistic=statistic, **dims)


def sums_of_members(
    kernel: Callable[[Field, Field, Mask], ArrayLike],
    forecast: xr.DataArray,
    observed: xr.DataArray,
    valid: xr.DataArray,
    *,
    statistic: Sequence[str],
    **dims: Sequence[float],
) -> xr.DataArray:
    """Like `sums_of_fields`, for a kernel that is given all members, (member, y, x)."""
    check_case(forecast, observed, valid)
    sums = _sums(kernel, forecast.values, observed.values, valid.values, rows=valid.sizes["y"])
    return _label(sums, forecast, statistic, dims)


def sums_of_pixels(
    kernel: Callable[[Field, Field, Mask], ArrayLike],
    forecast: xr.DataArray,
    observed: xr.DataArray,
    valid: xr.DataArray,
    *,
    statistic: Sequence[str],
    **dims: Sequence[float],
) -> xr.DataArray:
    """Like `sums_of_fields`, for a kernel that knows no neighbours: it is given some rows at a time, and what it returns is added up."""
    check_case(forecast, observed, valid)
    mean = point_forecast(forecast).values[np.newaxis]
    rows = min(valid.sizes["y"], max(1, _BLOCK // valid.sizes["x"]))
    sums = _sums(lambda members, *rest: kernel(members[0], *rest), mean, observed.values, valid.values, rows=rows)
    return _label(sums, forecast, statistic, dims)


def _sums(
    kernel: Callable[[Field, Field, Mask], ArrayLike],
    said: NDArray[np.floating],
    seen: NDArray[np.floating],
    known: Mask,
    *,
    rows: int,
) -> Sums:
    """The loop: lead times in threads, so many rows at a time, whose sums are added up."""
    leads, height, width = known.shape

    def some(mine: NDArray[np.intp]) -> list[Sums]:
        # New memory for every field would cost more time than many a score, so each thread has its own and keeps it.
        room = aligned_room((len(said) + 1, rows, width))

        def one(lead: int, block: slice) -> Sums:
            mask = np.ascontiguousarray(known[lead, block])
            fields = room[:, : len(mask)]
            for field, out in zip((*said[:, lead], seen[lead]), fields, strict=True):
                _copy_known(field[block], mask, out)
            return np.asarray(kernel(fields[:-1], fields[-1], mask), np.float64)

        blocks = [slice(start, start + rows) for start in range(0, height, rows)]
        return [np.sum([one(lead, block) for block in blocks], axis=0) for lead in mine]

    threads = max(1, cv2.getNumThreads())  # what this process may use: a worker of a hindcast has one
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(some, np.array_split(np.arange(leads), threads))
    return np.stack([sums for part in parts for sums in part])


def aligned_room(shape: tuple[int, ...]) -> Field:
    """Memory whose first byte lies where a cache line begins: the order in which OpenCV adds up, and so the last digit, depends on it."""
    size = math.prod(shape) * np.dtype(np.float32).itemsize
    raw = np.empty(size + _CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % _CACHE_LINE
    return raw[start : start + size].view(np.float32).reshape(shape)


def _copy_known(field: NDArray[np.floating], mask: Mask, out: Field) -> None:
    """Write the field to `out`, with 0 where the mask is False.

    Raises:
        FramesError: a pixel that the mask names is NaN or infinite.
    """
    out.fill(0)
    cv2.copyTo(np.ascontiguousarray(field, np.float32), mask.view(np.uint8), out)
    if not np.isfinite(cv2.sumElems(out)[0]):
        raise FramesError("scores: a pixel that `valid` names is NaN or infinite; make the mask with common_mask over all forecasts")


def _label(sums: Sums, forecast: xr.DataArray, statistic: Sequence[str], dims: dict[str, Sequence[float]]) -> xr.DataArray:
    leads = {"lead_time": forecast["lead_time"].variable} if "lead_time" in forecast.coords else {}
    coords = {**leads, **{name: list(values) for name, values in dims.items()}, "statistic": list(statistic)}
    return xr.DataArray(sums, dims=("lead_time", *dims, "statistic"), coords=coords, name="sums")


def statistics_of(sums: xr.DataArray, names: Sequence[str]) -> list[Sums]:
    """The named statistics of sums, each an array of all their other dimensions in order: what the values are worked out from.

    Raises:
        FramesError: the sums are those of another score.
    """
    positions = sums.get_index("statistic").get_indexer(pd.Index(names))
    if positions.min() < 0:
        raise FramesError(f"scores: expected sums of {', '.join(names)}, got {', '.join(map(str, sums['statistic'].values))}")
    return list(np.moveaxis(sums.values, sums.get_axis_num("statistic"), 0)[positions])


def labelled(sums: xr.DataArray, values: Sums) -> xr.DataArray:
    """Values with the dimensions and coordinates of the sums they come from, but for `statistic`."""
    return sums.isel(statistic=0, drop=True).copy(data=values).rename(None)


def check_thresholds(thresholds: Sequence[float]) -> None:
    """Thresholds that make events: above 0, for where it is dry there is none, and rising.

    Raises:
        FramesError: they are not.
    """
    if len(thresholds) == 0 or not (np.all(np.diff([0.0, *thresholds]) > 0) and np.isfinite(thresholds[-1])):
        raise FramesError(f"scores: expected rising thresholds above 0 mm h-1, got {tuple(thresholds)}")
