"""Members that say what calibrated probabilities say, and stay in the order in which they were at each pixel.

Of m members at a pixel, c_k reach the threshold t_k, so the ensemble's probability is p_k = c_k / m. By the calibrated one n_k are to
reach it, never more than n_(k-1).

With the members from largest to smallest s_1 >= ... >= s_m, t_0 = 0, c_0 = n_0 = m, and 0 for a threshold beyond the last, the i-th
largest is to lie between t_K and t_(K+1), K being the last threshold with n_K >= i. It becomes

    s_r                                 r = c_(K+1) + 1/2 + (i - 1/2 - n_(K+1)) (c_K - c_(K+1)) / (n_K - n_(K+1)), between 1 and m,
                                        with values between two ranks by a line,

moved to the nearest value of [t_K, t_(K+1)) if it lies outside. So a member takes the rain that the ensemble had at the rank of its new
probability; its rank, and with it where and when it rains in this member more than in others, stays. Pixels with c_k = n_k at all
thresholds stay as they are.

Source:
    Schefzik, Thorarinsdottir & Gneiting (2013), Statistical Science 28(4), doi:10.1214/13-STS443, ensemble copula coupling with
    equidistant quantiles. Departure: values between thresholds come from the ensemble, not from a fitted distribution.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["coupled", "members_reaching"]

Floats = NDArray[np.float32]
Counts = NDArray[np.intp]

_AT_ONCE = 2**16  # pixels
_AROUND = 9  # pixels, side of the square in which rain around a dry pixel is looked for


def members_reaching(fields: Floats, thresholds: Sequence[float]) -> Counts:
    """(threshold, y, x), how many members reach each threshold (>=); 0 where a member is NaN."""
    known = np.isfinite(fields).all(axis=0)
    return np.stack([np.where(known, (fields >= np.float32(threshold)).sum(axis=0), 0) for threshold in thresholds])


def coupled(fields: Floats, thresholds: Sequence[float], wanted: Counts) -> Floats:
    """Members of which as many as wanted reach each threshold.

    Members that are dry at a pixel are equal there; of these, those with more rain around it (in a square of 9 pixels) count for larger.

    Args:
        fields: (member, y, x) [mm h-1].
        thresholds: rising [mm h-1].
        wanted: (threshold, y, x), n_k: how many members are to reach each; never rising from one threshold to the next.

    Returns:
        As `fields`; a pixel where a member is NaN stays as it is.
    """
    now = members_reaching(fields, thresholds)
    chosen = np.isfinite(fields).all(axis=0) & (now != wanted).any(axis=0)
    result = fields.copy()
    if not chosen.any():
        return result
    places = np.flatnonzero(chosen)
    flat, flat_result, keys = (stack.reshape(len(fields), -1) for stack in (fields, result, _keys(fields)))
    for start in range(0, places.size, _AT_ONCE):
        block = places[start : start + _AT_ONCE]
        order = np.argsort(-keys[:, block], axis=0, kind="stable")
        ranked = np.take_along_axis(flat[:, block], order, axis=0)
        counts = (stack.reshape(len(thresholds), -1)[:, block] for stack in (now, wanted))
        new = np.empty_like(ranked)
        np.put_along_axis(new, order, _moved(ranked, np.asarray(thresholds, np.float32), *counts), axis=0)
        flat_result[:, block] = new
    return result


def _keys(fields: Floats) -> Floats:
    """What members are ranked by: their rain, and below all rain, from -1 to 0, the rain around dry pixels."""
    keys = fields.copy()
    for key, field in zip(keys, fields, strict=True):
        around = cv2.blur(np.nan_to_num(field), (_AROUND, _AROUND), borderType=cv2.BORDER_REPLICATE)
        np.copyto(key, -1 / (1 + np.maximum(around, 0)), where=field == 0)
    return keys


def _moved(ranked: Floats, thresholds: Floats, now: Counts, wanted: Counts) -> Floats:
    """The equations above: (rank, pixel) from largest to smallest, to the new values of each rank."""
    members, pixels = ranked.shape
    row = np.full((1, pixels), members), np.zeros((1, pixels), np.intp)
    had, want = (np.concatenate([row[0], counts, row[1]]) for counts in (now, wanted))
    low = np.concatenate([[np.float32(0)], thresholds])
    high = np.concatenate([np.nextafter(thresholds, np.float32(0)), [np.float32(np.inf)]])
    columns = np.arange(pixels)
    new = np.empty_like(ranked)
    for i in range(1, members + 1):
        reached = (wanted >= i).sum(axis=0)
        c, c_next, n, n_next = (stack[reached + more, columns] for stack in (had, want) for more in (0, 1))
        rank = np.clip(c_next + 0.5 + (i - 0.5 - n_next) * (c - c_next) / (n - n_next), 1, members) - 1
        below = np.minimum(rank.astype(np.intp), max(members - 2, 0))
        share = (rank - below).astype(np.float32)
        upper, lower = ranked[below, columns], ranked[np.minimum(below + 1, members - 1), columns]
        new[i - 1] = np.clip(upper + share * (lower - upper), low[reached], high[reached])
    return new
