"""Motion of rain from tracked corners: few good vectors, smoothed into a field."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from stormcell.motion.nodes import node_places, upsample
from stormcell.motion.pairs import check_past, seen_pairs

__all__ = ["lucas_kanade"]

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_LOW_DB, _HIGH_DB = -10.0, 20.0
_DRY_GAP = 10.0
_WINDOW = 31
_LEVELS = 3
_BLOCK = 5
_QUALITY = 0.01
_DISTANCE = 8
_NEIGHBOURS = 24
_MADS = 3.0
_FB = 1.0
_SCALES = (256.0, 128.0, 64.0, 32.0)
_PRIOR = 4.0
_SPACING = 16


def lucas_kanade(past: ArrayLike, *, corners: int = 1000, smoothing: float = 32.0) -> Floats:
    frames = check_past(past)
    shape = frames.shape[1:]
    if min(shape) < 4 * _BLOCK:
        return np.zeros((2, *shape), dtype=np.float32)
    found = [v for pair in seen_pairs(frames) for v in _tracked(frames, pair, corners)]
    if not found:
        return np.zeros((2, *shape), dtype=np.float32)
    places, vectors = np.concatenate(found[0::2]), np.concatenate(found[1::2])
    good = _agreeing(places, vectors)
    places, vectors = places[good], vectors[good]
    if len(places) == 0:
        return np.zeros((2, *shape), dtype=np.float32)
    return _dense(places, vectors, shape, smoothing)


_CACHE: dict = {}


def _image(frame: Floats) -> Bytes:
    with np.errstate(divide="ignore", invalid="ignore"):
        db = 10 * np.log10(frame)
    scaled = np.where(db >= _LOW_DB, (db - _LOW_DB + _DRY_GAP) * np.float32(255.0 / (_HIGH_DB - _LOW_DB + _DRY_GAP)), 0)
    return np.clip(scaled, 0, 255).astype(np.uint8)


def _tracked(frames, pair, corners):
    first, second = pair
    before, after = _image(frames[first]), _image(frames[second])
    unseen = (np.isnan(frames[first]) | np.isnan(frames[second])).astype(np.uint8)
    unseen = cv2.dilate(unseen, np.ones((_WINDOW, _WINDOW), np.uint8))
    start = cv2.goodFeaturesToTrack(before, corners, _QUALITY, _DISTANCE, mask=1 - unseen, blockSize=_BLOCK)
    if start is None:
        return []
    opts = dict(winSize=(_WINDOW, _WINDOW), maxLevel=_LEVELS, criteria=(3, 15, 0.01))
    end, status, _ = cv2.calcOpticalFlowPyrLK(before, after, start, None, **opts)
    ok = status[:, 0] == 1
    if _FB:
        back, status, _ = cv2.calcOpticalFlowPyrLK(after, before, end, None, **opts)
        ok &= (status[:, 0] == 1) & (np.abs(back - start).reshape(-1, 2).max(1) < _FB)
    start, end = start.reshape(-1, 2)[ok], end.reshape(-1, 2)[ok]
    return [start, (end - start) / (second - first)]


def _agreeing(places, vectors):
    k = min(_NEIGHBOURS, len(places))
    _, near = cKDTree(places).query(places, k=k)
    near = near.reshape(len(places), k)
    around = vectors[near]
    middle = np.median(around, axis=1)
    spread = np.median(np.linalg.norm(around - middle[:, None], axis=2), axis=1)
    return np.linalg.norm(vectors - middle, axis=1) <= _MADS * spread + 0.25


def _dense(places, vectors, shape, smoothing):
    s = _SPACING if min(shape) >= 4 * _SPACING else 1
    rows, columns = (node_places(n, s) for n in shape)
    r = np.clip(np.rint((places[:, 1] - rows[0]) / s).astype(int), 0, rows.size - 1)
    c = np.clip(np.rint((places[:, 0] - columns[0]) / s).astype(int), 0, columns.size - 1)
    cell = r * columns.size + c
    size = rows.size * columns.size
    count = np.bincount(cell, minlength=size).reshape(rows.size, columns.size).astype(np.float32)
    sums = [np.bincount(cell, v, minlength=size).reshape(count.shape).astype(np.float32) for v in vectors.T]
    parts = [np.full(count.shape, v.mean(), np.float32) for v in vectors.T]
    for scale in _SCALES:
        sig = scale / s
        unit = 2 * np.pi * sig * sig
        blur = lambda im: cv2.GaussianBlur(im, (0, 0), sig, borderType=cv2.BORDER_CONSTANT) * unit
        near = blur(count)
        parts = [(blur(total) + _PRIOR * part) / (near + _PRIOR) for total, part in zip(sums, parts)]
    return np.stack([upsample(p, s, shape) for p in parts])
