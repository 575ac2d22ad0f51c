"""Continuous ranked probability score: how far the forecast distribution is from what came, exact and fast."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError
from stormcell.verification.fields import Field, Mask, Sums, aligned_room
from stormcell.verification.score import check_case
from stormcell.verification.sorting import in_order

__all__ = ["CRPS"]

_STATISTICS = ("pixels", "absolute_error", "spread", "fair_spread")
_BLOCK = 32768  # pixels sorted at a time: few enough to stay in the cache with all members, many enough to hide the cost of a call
_RUN = 32  # neighbouring pixels that are skipped together where nothing rains
_CROWDED = 0.7  # share of a block's runs with rain from which on setting them apart costs more than it saves


@dataclass(frozen=True)
class CRPS:
    """Continuous ranked probability score of an ensemble [mm h-1], exact and fair; satisfies `Score`.

    For members x_1 ... x_m and the observation y at a pixel,

        crps = 1/m sum_i |x_i - y| - 1/m^2 sum_{i<j} |x_i - x_j|,

    which is the integral over x of (F(x) - 1{x >= y})^2 with the members' step function F, exact however many values tie: in rain
    most of them are 0. `fair_crps` divides the second sum by m (m - 1) instead. It judges the distribution from which the members
    are drawn, so that ensembles of different size can be compared; it may be negative where they happen to lie well.

    0 is perfect. One member makes `crps` the mean absolute error, and leaves `fair_crps` NaN. Pixels without rain count: on a day
    that was dry and said to be, both are 0. NaN without valid pixels.

    The work is in the sum over pairs. With the members in order, x_(1) <= ... <= x_(m), it is

        sum_{i<j} |x_i - x_j| = sum_{k <= m/2} (m + 1 - 2 k) (x_(m+1-k) - x_(k)),

    where no term is negative, so that float32 does for the differences; they are added in float64. Stretches of pixels where neither
    members nor observation have rain add nothing, and are skipped.

    Source:
        Hersbach (2000), doi:10.1175/1520-0434(2000)015<0559:DOTCRP>2.0.CO;2; Gneiting & Raftery (2007),
        doi:10.1198/016214506000001437, for the form with pairs; Ferro (2014), doi:10.1002/qj.2270, for the fair score.
    """

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Valid pixels, and the sums over them of the parts of the score, (lead_time, statistic).

        `absolute_error` is the first term of the equation, `spread` the second, `fair_spread` the second of the fair score: NaN with
        one member.

        Raises:
            FramesError: the three do not fit together, or a valid pixel is NaN or infinite.
        """
        check_case(forecast, observed, valid)
        count, leads = forecast.shape[:2]
        members = forecast.values.astype(np.float32, copy=False).reshape(count, leads, -1)
        seen = observed.values.astype(np.float32, copy=False).reshape(leads, -1)
        known = valid.values.reshape(leads, -1)
        absolute, pairs = _absolute_and_pairs(members, seen, known)
        fair = pairs / (count * (count - 1)) if count > 1 else np.full(leads, np.nan)
        sums = np.stack([np.count_nonzero(known, axis=1), absolute / count, pairs / count**2, fair], axis=-1)
        coords = {"lead_time": forecast["lead_time"].variable} if "lead_time" in forecast.coords else {}
        return xr.DataArray(sums, dims=("lead_time", "statistic"), coords={**coords, "statistic": list(_STATISTICS)}, name="sums")

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`crps` and `fair_crps` [mm h-1], (lead_time,) each."""
        pixels, absolute, spread, fair = (sums.sel(statistic=name, drop=True) for name in _STATISTICS)
        pixels = pixels.where(pixels > 0)
        return xr.Dataset({"crps": (absolute - spread) / pixels, "fair_crps": (absolute - fair) / pixels})


def _absolute_and_pairs(members: Field, seen: Field, known: Mask) -> tuple[Sums, Sums]:
    """The sums over valid pixels of sum_i |x_i - y| and of sum_{i<j} |x_i - x_j|.

    Args:
        members: (member, lead_time, pixel) float32.
        seen: (lead_time, pixel) float32.
        known: (lead_time, pixel) bool.

    Returns:
        (lead_time,) each. To the last digit the same for any number of threads: blocks are added in their order.
    """
    leads, pixels = seen.shape
    blocks = [(lead, slice(start, start + _BLOCK)) for lead in range(leads) for start in range(0, pixels, _BLOCK)]
    found = np.zeros((len(blocks), 2))
    threads = max(1, min(cv2.getNumThreads(), len(blocks)))  # what this process may use: a worker of a hindcast has one

    def share(first: int) -> None:
        room = aligned_room((2 * len(members) + 1, min(_BLOCK, pixels)))
        for number in range(first, len(blocks), threads):
            lead, part = blocks[number]
            found[number] = _block(members[:, lead, part], seen[lead, part], known[lead, part], room)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, range(threads)))
    sums = np.zeros((leads, 2))
    for (lead, _), both in zip(blocks, found, strict=True):
        sums[lead] += both
    return sums[:, 0], sums[:, 1]


def _block(members: Field, seen: Field, known: Mask, room: Field) -> tuple[float, float]:
    """The two sums of `_absolute_and_pairs` over the pixels of a block.

    Args:
        members: (member, pixel).
        seen: (pixel,).
        known: (pixel,) bool.
        room: (2 members + 1, pixel or more), overwritten.

    Raises:
        FramesError: a valid pixel is NaN or infinite.
    """
    run, whole = math.gcd(seen.size, _RUN), bool(known.all())
    crowd = _CROWDED * seen.size / run
    rain = _runs_with_rain(members[:1], run)
    if not whole or rain.size < crowd:  # otherwise one member says enough
        keep = np.negative(known, dtype=np.int32)  # all bits set where a pixel is valid
        rain = _runs_with_rain(np.stack([np.bitwise_or.reduce(members.view(np.int32), axis=0), seen.view(np.int32)]) & keep, run)
    if rain.size == 0:
        return 0.0, 0.0
    rows, room = list(members), room[:, : seen.size]
    if not whole or rain.size < crowd:
        rows, room = list(room[: len(members), : rain.size * run]), room[:, : rain.size * run]
        seen, keep = seen.reshape(-1, run)[rain].ravel(), keep.reshape(-1, run)[rain].ravel()
        seen.view(np.int32)[...] &= keep
        for member, row in zip(members, rows, strict=True):
            member.reshape(-1, run).take(rain, axis=0, out=row.reshape(-1, run), mode="clip")
            row.view(np.int32)[...] &= keep
    absolute = math.fsum(cv2.norm(row, seen, cv2.NORM_L1) for row in rows)
    if not math.isfinite(absolute):
        raise FramesError("crps: a pixel that `valid` names is NaN or infinite; make the mask with common_mask over all forecasts")
    rows = in_order(rows, list(room[len(members) :]))
    weights = range(len(rows) - 1, 0, -2)
    pairs = [weight * cv2.norm(high, low, cv2.NORM_L1) for weight, low, high in zip(weights, rows, reversed(rows), strict=False)]
    return absolute, math.fsum(pairs)


def _runs_with_rain(fields: NDArray[np.generic], run: int) -> NDArray[np.intp]:
    """The runs of pixels in which a field of (field, pixel) is not 0; NaN is not."""
    bits = np.bitwise_or.reduce(fields.view(np.int32), axis=0)
    return np.flatnonzero(np.bitwise_or.reduce(bits.reshape(-1, run), axis=1))
