"""Variational optical flow between two images: the combined local-global energy, solved by full multigrid."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, diags_array, eye_array, kron, block_array
from scipy.sparse.linalg import spsolve

__all__ = ["MotionTensor", "motion_tensor", "solve_flow"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# Two damped Jacobi sweeps with these factors are the Chebyshev polynomial of degree 2 on the upper three quarters (1/2 to 2) of the
# spectrum: they cut what is rough to 0.22, where two sweeps with the best single factor (0.8) leave 0.36.
_DAMPING = (np.float32(0.5618), np.float32(1.3896))
_HOLD = 1e-6  # share of alpha that ties the flow to zero, so that a flow that no pixel determines is zero and not undefined
_DERIVATIVE = np.array([[1, -8, 0, 8, -1]], dtype=np.float32) / 12
_SMALLEST_SIDE = 4


@dataclass(frozen=True)
class MotionTensor:
    """The data term at every pixel: J11 u^2 + 2 J12 u v + J22 v^2 + 2 J13 u + 2 J23 v + constant, each (y, x)."""

    j11: Floats
    j12: Floats
    j22: Floats
    j13: Floats
    j23: Floats

    def parts(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """J11, J12, J22, J13, J23."""
        return self.j11, self.j12, self.j22, self.j13, self.j23


def motion_tensor(first: Floats, second: Floats, seen: Bools, *, rho: float, around: Floats | None = None) -> MotionTensor:
    """Products of the derivatives of two images, smoothed by a Gaussian of `rho` pixels: the local part of the energy.

    fx, fy: five-point derivatives (1, -8, 0, 8, -1)/12 of the mean of both images; ft: second - first.

    Args:
        first: image (y, x).
        second: image one step later.
        seen: where both are to be believed; no data term elsewhere.
        rho: standard deviation of the smoothing [pixels]; 0 for none (Horn and Schunck's energy).
        around: (2, y, x), motion by which `second` was already moved back; the data term is linear around it.
    """
    mean = (first + second) * np.float32(0.5)
    fx = cv2.filter2D(mean, -1, _DERIVATIVE, borderType=cv2.BORDER_REPLICATE)
    fy = cv2.filter2D(mean, -1, _DERIVATIVE.T, borderType=cv2.BORDER_REPLICATE)
    ft = second - first
    if around is not None:
        ft = ft - fx * around[0] - fy * around[1]
    fx, fy, ft = (np.where(seen, part, np.float32(0)) for part in (fx, fy, ft))
    products = (fx * fx, fx * fy, fy * fy, fx * ft, fy * ft)
    if rho > 0:
        products = tuple(cv2.GaussianBlur(part, (0, 0), rho, borderType=cv2.BORDER_REFLECT) for part in products)  # type: ignore[assignment]
    return MotionTensor(*products)


def solve_flow(tensor: MotionTensor, *, alpha: float, levels: int = 6, start_level: int = 0, n1: int = 2, n2: int = 2) -> Floats:
    """docs"""
    shape = tensor.j11.shape
    grids = [_Grid(tensor.parts(), alpha, (1.0, 1.0))]
    while len(grids) <= levels and min(grids[-1].shape) >= 2 * _SMALLEST_SIDE:
        grids.append(grids[-1].coarser())
    flow = grids[-1].exact(grids[-1].load)
    for level in range(len(grids) - 2, min(start_level, len(grids) - 1) - 1, -1):
        flow = _resized(flow, grids[level].shape)
        for _ in range(2):
            flow = _v_cycle(grids, level, flow, grids[level].load, n1, n2)
    return _resized(flow, (shape[0], shape[1]))


class _Grid:
    """One level: A w = b with A = J - alpha laplacian, pixels `size` = (height, width) fine pixels large."""

    def __init__(self, parts: tuple[Floats, ...], alpha: float, size: tuple[float, float]) -> None:
        j11, j12, j22, j13, j23 = parts
        self._parts, self._alpha, self._size = parts, alpha, size
        self.shape = (j11.shape[0], j11.shape[1])
        self.load = np.stack([-j13, -j23])
        ay, ax = (np.float32(alpha / step**2) for step in size)
        self._kernel = np.array([[0, ay, 0], [ax, -2 * (ax + ay), ax], [0, ay, 0]], dtype=np.float32)
        hold = np.float32(_HOLD * alpha)
        self._j11, self._j12, self._j22 = j11 + hold, j12, j22 + hold
        links = np.full(self.shape, 2 * (ax + ay), dtype=np.float32)
        links[[0, -1]] -= ay
        links[:, [0, -1]] -= ax
        d11, d22 = self._j11 + links, self._j22 + links
        scale = 1 / (d11 * d22 - j12 * j12)
        self._i11, self._i12, self._i22 = d22 * scale, -j12 * scale, d11 * scale

    def residual(self, flow: Floats, load: Floats) -> Floats:
        u, v = flow
        out = np.empty_like(flow)
        for k, (w, a, b) in enumerate(((u, self._j11, self._j12), (v, self._j12, self._j22))):
            lap = cv2.filter2D(w, -1, self._kernel, borderType=cv2.BORDER_REPLICATE)
            lap += load[k]
            lap -= a * u
            lap -= b * v
            out[k] = lap
        return out

    def smooth(self, flow: Floats, load: Floats, sweeps: int) -> Floats:
        for sweep in range(sweeps):
            r, q = self.residual(flow, load)
            damping = _DAMPING[sweep % 2]
            r *= damping
            q *= damping
            flow[0] += self._i11 * r + self._i12 * q
            flow[1] += self._i12 * r + self._i22 * q
        return flow

    def coarser(self) -> "_Grid":
        shape = tuple((n + 1) // 2 for n in self.shape)
        size = (self._size[0] * self.shape[0] / shape[0], self._size[1] * self.shape[1] / shape[1])
        return _Grid(tuple(_shrunk(part, shape) for part in self._parts), self._alpha, size)

    def exact(self, load: Floats) -> Floats:
        ay, ax = (self._alpha / step**2 for step in self._size)
        rows, columns = self.shape
        lap = ay * kron(_chain(rows), eye_array(columns)) + ax * kron(eye_array(rows), _chain(columns))
        j11, j12, j22 = (diags_array(part.ravel().astype(np.float64)) for part in (self._j11, self._j12, self._j22))
        matrix = csc_matrix(block_array([[j11 + lap, j12], [j12, j22 + lap]]))
        return spsolve(matrix, load.ravel().astype(np.float64)).reshape(load.shape).astype(np.float32)


def _chain(n: int):  # type: ignore[no-untyped-def]
    main = np.full(n, 2.0)
    main[0] -= 1
    main[-1] -= 1
    off = -np.ones(n - 1)
    return diags_array([off, main, off], offsets=[-1, 0, 1], shape=(n, n))


def _v_cycle(grids, level, flow, load, n1, n2):  # type: ignore[no-untyped-def]
    grid = grids[level]
    if level == len(grids) - 1:
        return grid.exact(load)
    flow = grid.smooth(flow, load, n1)
    left = grid.residual(flow, load)
    below = np.stack([_shrunk(part, grids[level + 1].shape) for part in left])
    correction = _v_cycle(grids, level + 1, np.zeros_like(below), below, n1, n2)
    flow += _resized(correction, grid.shape)
    return grid.smooth(flow, load, n2)


def _shrunk(image: Floats, shape: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(image, (shape[1], shape[0]), interpolation=cv2.INTER_AREA))


def _resized(flow: Floats, shape: tuple[int, int]) -> Floats:
    if flow.shape[1:] == shape:
        return flow
    return np.stack([cv2.resize(part, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR) for part in flow])
