"""Optical flow between two images by the combined local-global energy, solved by full multigrid.

The flow w = (u, v) makes the energy of Bruhn et al. (2005) smallest,

    E(w) = integral of  (u, v, 1) J (u, v, 1)^T  +  alpha (|grad u|^2 + |grad v|^2),      J = G_rho * (f3 f3^T),  f3 = (fx, fy, ft),

that is, it solves the Euler-Lagrange system, linear in u and v, with no flux across the edge of the image,

    J11 u + J12 v + J13 - alpha laplacian u = 0
    J12 u + J22 v + J23 - alpha laplacian v = 0.

With rho = 0 this is the method of Horn and Schunck, with alpha = 0 the one of Lucas and Kanade.

Source: Bruhn, Weickert & Schnoerr (2005), doi:10.1023/B:VISI.0000045324.43199.43.
"""

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csc_array

__all__ = ["MotionTensor", "euler_lagrange_matrix", "motion_tensor", "solve_flow"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# Damped Jacobi sweeps with these two factors in turn are the Chebyshev polynomial of degree 2 on 1/2..2, the eigenvalues of what is
# rough: a pair of sweeps leaves 0.22 of it, where two with the best single factor (0.8) leave 0.36.
_DAMPING = (np.float32(0.5618), np.float32(1.3896))
_HOLD = 1e-6  # share of alpha that ties the flow to zero: what no pixel determines is zero, and not undefined
_DERIVATIVE = np.array([[1, -8, 0, 8, -1]], dtype=np.float32) / 12
_SMALLEST_SIDE = 4  # pixels of the coarsest grid
_CYCLES = 2  # V-cycles a level


@dataclass(frozen=True)
class MotionTensor:
    """The data term J at every pixel, each part (y, x): J11 = fx fx, J12 = fx fy, J22 = fy fy, J13 = fx ft, J23 = fy ft, smoothed."""

    j11: Floats
    j12: Floats
    j22: Floats
    j13: Floats
    j23: Floats


def motion_tensor(first: Floats, second: Floats, seen: Bools, *, rho: float, around: Floats | None = None) -> MotionTensor:
    """The data term of two images.

    fx, fy: five-point derivatives (1, -8, 0, 8, -1)/12 of the mean of both images; ft: their difference.

    Args:
        first: image (y, x).
        second: image one step later.
        seen: (y, x), where both are to be believed; there is no data term elsewhere.
        rho: standard deviation of the smoothing [pixels]; 0 for none.
        around: (2, y, x), the motion by which `second` was already moved back, if it was: the data term is linear around it.
    """
    mean = (first + second) * np.float32(0.5)
    fx = cv2.filter2D(mean, -1, _DERIVATIVE, borderType=cv2.BORDER_REPLICATE)
    fy = cv2.filter2D(mean, -1, _DERIVATIVE.T, borderType=cv2.BORDER_REPLICATE)
    ft = second - first
    if around is not None:
        ft = ft - fx * around[0] - fy * around[1]
    fx, fy, ft = (np.where(seen, part, np.float32(0)) for part in (fx, fy, ft))
    products = [fx * fx, fx * fy, fy * fy, fx * ft, fy * ft]
    if rho > 0:
        products = [np.asarray(cv2.GaussianBlur(part, (0, 0), rho, borderType=cv2.BORDER_REFLECT)) for part in products]
    return MotionTensor(*products)


def solve_flow(tensor: MotionTensor, *, alpha: float, levels: int = 6, start_level: int = 0, n1: int = 2, n2: int = 2) -> Floats:
    """The flow that solves the Euler-Lagrange system above, by full multigrid.

    Each level halves the grid (an odd number is rounded up; the size of a pixel follows), with J and residuals averaged on the way
    down and corrections bilinear on the way up. The coarsest grid is solved directly; from there every finer one starts with the
    flow of the one below and does two V-cycles. The smoother is damped Jacobi with the 2 x 2 system of each pixel solved exactly.

    Args:
        tensor: the data term.
        alpha: weight of smoothness against data, in the squared unit of the images.
        levels: how often the grid is halved at most; grids below four pixels a side are not made.
        start_level: the finest level that is solved (0: all pixels); its flow is interpolated to the pixels.
        n1: sweeps of the smoother before the coarser level is asked.
        n2: sweeps after.

    Returns:
        (2, y, x) pixels per step; zero where and along what no pixel determines it.
    """
    grids = [_Level(tensor, alpha, (1.0, 1.0))]
    while len(grids) <= levels and min(grids[-1].shape) >= 2 * _SMALLEST_SIDE:
        grids.append(grids[-1].coarser())
    flow = grids[-1].solved(grids[-1].load)
    for level in range(len(grids) - 2, min(start_level, len(grids) - 1) - 1, -1):
        flow = _interpolated(flow, grids[level].shape)
        for _ in range(_CYCLES):
            flow = _v_cycle(grids[level:], flow, grids[level].load, n1, n2)
    return _interpolated(flow, grids[0].shape)


def euler_lagrange_matrix(tensor: MotionTensor, alpha: float, size: tuple[float, float] = (1.0, 1.0)) -> "csc_array":
    """The system's matrix A in A (u, v) = -(J13, J23), with u and v row by row, one after the other.

    Args:
        tensor: the data term.
        alpha: weight of smoothness.
        size: height and width of a pixel, in pixels of the finest grid.
    """
    from scipy.sparse import block_array, csc_array, diags_array, eye_array, kron  # slow to import

    rows, columns = tensor.j11.shape
    down, across = (alpha / step**2 for step in size)
    smooth = down * kron(_second_difference(rows), eye_array(columns)) + across * kron(eye_array(rows), _second_difference(columns))
    smooth = smooth + _HOLD * alpha * eye_array(rows * columns)
    j11, j12, j22 = (diags_array(part.ravel().astype(np.float64)) for part in (tensor.j11, tensor.j12, tensor.j22))
    return csc_array(block_array([[j11 + smooth, j12], [j12, j22 + smooth]]))


def _second_difference(count: int) -> "csc_array":
    """Minus the second difference along an axis, with no flux across its ends."""
    from scipy.sparse import csc_array

    step = np.diff(np.eye(count), axis=0)
    return csc_array(step.T @ step)


class _Level:
    """One grid of the multigrid: the system A w = load, with pixels of `size` = (height, width) finest pixels."""

    def __init__(self, tensor: MotionTensor, alpha: float, size: tuple[float, float]) -> None:
        self.shape = (tensor.j11.shape[0], tensor.j11.shape[1])
        self.load = np.stack([-tensor.j13, -tensor.j23])
        self._tensor, self._alpha, self._size = tensor, alpha, size
        down, across = (np.float32(alpha / step**2) for step in size)
        self._laplacian = np.array([[0, down, 0], [across, -2 * (down + across), across], [0, down, 0]], dtype=np.float32)
        hold = np.float32(_HOLD * alpha)
        self._rows = ((tensor.j11 + hold, tensor.j12), (tensor.j12, tensor.j22 + hold))
        links = np.full(self.shape, 2 * (down + across), dtype=np.float32)
        for edge, weight in ((np.s_[0], down), (np.s_[-1], down), (np.s_[:, 0], across), (np.s_[:, -1], across)):
            links[edge] -= weight
        d11, d22 = self._rows[0][0] + links, self._rows[1][1] + links
        scale = 1 / (d11 * d22 - tensor.j12 * tensor.j12)
        self._inverse = (d22 * scale, -tensor.j12 * scale, d11 * scale)

    def residual(self: Self, flow: Floats, load: Floats) -> Floats:
        """load - A flow."""
        left = np.empty_like(flow)
        for part, (with_u, with_v) in enumerate(self._rows):
            # repeating the rim makes the difference across the edge zero: no flux
            row = cv2.filter2D(flow[part], -1, self._laplacian, borderType=cv2.BORDER_REPLICATE)
            row += load[part]
            row -= with_u * flow[0]
            row -= with_v * flow[1]
            left[part] = row
        return left

    def smooth(self: Self, flow: Floats, load: Floats, sweeps: int) -> None:
        """Sweeps of damped Jacobi, in place."""
        i11, i12, i22 = self._inverse
        for sweep in range(sweeps):
            left = self.residual(flow, load)
            left *= _DAMPING[sweep % 2]
            flow[0] += i11 * left[0] + i12 * left[1]
            flow[1] += i12 * left[0] + i22 * left[1]

    def solved(self: Self, load: Floats) -> Floats:
        """The exact solution, by a sparse direct solver."""
        from scipy.sparse.linalg import spsolve

        matrix = euler_lagrange_matrix(self._tensor, self._alpha, self._size)
        return np.asarray(spsolve(matrix, load.ravel().astype(np.float64)), dtype=np.float32).reshape(load.shape)

    def coarser(self: Self) -> "_Level":
        """The grid of half as many rows and columns."""
        rows, columns = ((size + 1) // 2 for size in self.shape)
        height, width = self._size
        size = (height * self.shape[0] / rows, width * self.shape[1] / columns)
        return _Level(MotionTensor(*(_averaged(part, (rows, columns)) for part in astuple(self._tensor))), self._alpha, size)


def _v_cycle(grids: list[_Level], flow: Floats, load: Floats, n1: int, n2: int) -> Floats:
    """One V-cycle on the first of these grids: smooth, correct from the coarser ones, smooth. Changes `flow`."""
    grid, *coarser = grids
    if not coarser:
        return grid.solved(load)
    grid.smooth(flow, load, n1)
    below = np.stack([_averaged(part, coarser[0].shape) for part in grid.residual(flow, load)])
    flow += _interpolated(_v_cycle(coarser, np.zeros_like(below), below, n1, n2), grid.shape)
    grid.smooth(flow, load, n2)
    return flow


def _averaged(image: Floats, shape: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA))


def _interpolated(flow: Floats, shape: tuple[int, int]) -> Floats:
    if flow.shape[1:] == shape:
        return flow
    return np.stack([cv2.resize(part, shape[::-1], interpolation=cv2.INTER_LINEAR) for part in flow])
