"""ROVER."""

import math
from dataclasses import dataclass
from typing import Literal
import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from stormcell.motion.flow import motion_tensor, solve_flow
from stormcell.motion.pairs import check_past, seen_pairs
from stormcell.units import ZR_RULES, ZRRule, rain_rate_from_reflectivity, reflectivity_from_rain_rate

__all__ = ["ArctanTransform", "LinearTransform", "rover"]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LinearTransform:
    low_dbz: float = -10.0
    high_dbz: float = 60.0
    rule: ZRRule = ZR_RULES["hko-7"]

    def forward(self, rain_rate: ArrayLike) -> Floats:
        dbz = np.clip(reflectivity_from_rain_rate(np.asarray(rain_rate, dtype=np.float32), self.rule), self.low_dbz, self.high_dbz)
        return (dbz - np.float32(self.low_dbz)) / np.float32(self.high_dbz - self.low_dbz)

    def inverse(self, scaled: ArrayLike) -> Floats:
        t = np.clip(np.asarray(scaled, dtype=np.float32), 0, 1)
        r = rain_rate_from_reflectivity(t * np.float32(self.high_dbz - self.low_dbz) + np.float32(self.low_dbz), self.rule)
        return np.where(t > 0, r, t)


@dataclass(frozen=True)
class ArctanTransform:
    centre_dbz: float = 33.0
    width_dbz: float = 4.0
    low_dbz: float = -10.0
    high_dbz: float = 60.0
    rule: ZRRule = ZR_RULES["hko-7"]

    def _ends(self) -> tuple[float, float]:
        return tuple(math.atan((z - self.centre_dbz) / self.width_dbz) for z in (self.low_dbz, self.high_dbz))  # type: ignore[return-value]

    def forward(self, rain_rate: ArrayLike) -> Floats:
        dbz = np.clip(reflectivity_from_rain_rate(np.asarray(rain_rate, dtype=np.float32), self.rule), self.low_dbz, self.high_dbz)
        lo, hi = self._ends()
        return np.clip(
            (np.arctan((dbz - np.float32(self.centre_dbz)) / np.float32(self.width_dbz)) - np.float32(lo)) / np.float32(hi - lo), 0, 1
        )

    def inverse(self, scaled: ArrayLike) -> Floats:
        lo, hi = self._ends()
        t = np.clip(np.asarray(scaled, dtype=np.float32), 0, 1)
        dbz = np.float32(self.centre_dbz) + np.float32(self.width_dbz) * np.tan(t * np.float32(hi - lo) + np.float32(lo))
        return np.where(t > 0, rain_rate_from_reflectivity(dbz, self.rule), t)


_WEIGHTS = {1: (1.0,), 2: (0.5, 0.5), 3: (0.7, 0.2, 0.1)}
_TRANSFORMS = {"arctan": ArctanTransform, "linear": LinearTransform}


def rover(
    past: ArrayLike,
    *,
    variant: Literal[1, 2, 3] = 3,
    transform="arctan",
    rho=1.5,
    alpha=2000.0,
    sigma=4.5,
    levels=6,
    start_level=0,
    n1=2,
    n2=2,
    warps=0,
) -> Floats:
    frames = check_past(past)
    zero = np.zeros((2, *frames.shape[1:]), dtype=np.float32)
    weights = _WEIGHTS[variant]
    pairs = seen_pairs(frames)[::-1][: len(weights)]
    if not pairs:
        return zero
    t = _TRANSFORMS[transform]()
    images = {}
    for p in pairs:
        for k in p:
            if k not in images:
                images[k] = _smoothed(t.forward(frames[k]) * np.float32(255), sigma)
    total = 0
    for pair, weight in zip(pairs, weights):
        (a, sa), (b, sb) = images[pair[0]], images[pair[1]]
        seen = sa & sb
        gap = pair[1] - pair[0]
        flow = solve_flow(motion_tensor(a, b, seen, rho=rho), alpha=alpha, levels=levels, start_level=start_level, n1=n1, n2=n2)
        for _ in range(warps):
            yy, xx = np.mgrid[: a.shape[0], : a.shape[1]].astype(np.float32)
            bb = cv2.remap(b, xx + flow[0], yy + flow[1], 1, borderMode=cv2.BORDER_REPLICATE)
            sw = cv2.remap(sb.astype(np.float32), xx + flow[0], yy + flow[1], 1, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
            flow = solve_flow(
                motion_tensor(a, bb, sa & (sw > 0.99), rho=rho, around=flow),
                alpha=alpha,
                levels=levels,
                start_level=start_level,
                n1=n1,
                n2=n2,
            )
        zero += flow * np.float32(weight / gap)
        total += weight
    return zero / np.float32(total)


def _smoothed(image, sigma):
    unseen = np.isnan(image)
    seen = ~unseen
    if sigma > 0:
        w = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        s = cv2.GaussianBlur(np.where(unseen, np.float32(0), image), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        image = s / np.maximum(w, np.float32(1e-3))
    else:
        image = np.where(unseen, np.float32(0), image)
    seen = cv2.erode(seen.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return image, seen
