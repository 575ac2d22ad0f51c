"""The multigrid solver against a direct one, and what the energy promises."""

import numpy as np
import pytest
from scipy.sparse.linalg import spsolve

from stormcell.motion.flow import euler_lagrange_matrix, motion_tensor, solve_flow
from stormcell.motion.rover import _smoothed
from tests.motion.rain import power_law_rain


@pytest.fixture(scope="module")
def images():
    """Two images 0..255, 90 x 111 pixels (neither even all the way down), the second moved by (1, 2) pixels (south, east)."""
    image = _smoothed(np.minimum(power_law_rain((95, 120)) * 20, 255), 3.0)
    return image[2:92, 4:115], image[1:91, 2:113]


def direct(tensor, alpha):
    load = -np.stack([tensor.j13, tensor.j23]).ravel().astype(np.float64)
    return spsolve(euler_lagrange_matrix(tensor, alpha), load).reshape(2, *tensor.j11.shape)


@pytest.mark.parametrize("alpha", [50.0, 2000.0])
@pytest.mark.parametrize("levels", [1, 3, 6])
def test_multigrid_meets_the_direct_solution(images, alpha, levels):
    tensor = motion_tensor(*images, np.ones(images[0].shape, bool), rho=1.5)
    exact = direct(tensor, alpha)
    assert np.abs(exact).max() > 1
    assert np.abs(solve_flow(tensor, alpha=alpha, levels=levels) - exact).max() < 0.02
    assert np.abs(solve_flow(tensor, alpha=alpha, levels=levels, n1=6, n2=6) - exact).max() < 0.005


def test_the_matrix_is_the_equation_by_hand():
    """1 x 2 pixels, J = 0 but for J11 = 3 at the first and J12 = 1 at the second: alpha = 2 links the two."""
    image = np.zeros((1, 2), np.float32)
    tensor = motion_tensor(image, image, np.ones((1, 2), bool), rho=0)
    tensor.j11[0, 0], tensor.j12[0, 1] = 3, 1
    expected = [[5, -2, 0, 0], [-2, 2, 0, 1], [0, 0, 2, -2], [0, 1, -2, 2]]
    np.testing.assert_allclose(euler_lagrange_matrix(tensor, 2.0).toarray(), expected, atol=1e-5)


def test_smoother_with_more_alpha(images):
    tensor = motion_tensor(*images, np.ones(images[0].shape, bool), rho=1.5)
    rough, smooth = (np.abs(np.diff(solve_flow(tensor, alpha=alpha), axis=2)).mean() for alpha in (100.0, 10_000.0))
    assert smooth < rough / 2


def test_no_texture_is_no_flow():
    flat = np.full((33, 20), 7.0, np.float32)
    flow = solve_flow(motion_tensor(flat, flat + 1, np.ones(flat.shape, bool), rho=1.5), alpha=2000.0)
    assert np.abs(flow).max() < 1e-3  # the five-point derivative of 7 is 1e-7 in float32


def test_along_a_front_nothing_is_made_up():
    """Bands that run north to south and move east: the flow has no part along them."""
    bands = np.broadcast_to(100 + 50 * np.sin(np.arange(80, dtype=np.float32) / 6), (60, 80)).astype(np.float32)
    later = np.broadcast_to(100 + 50 * np.sin((np.arange(80, dtype=np.float32) - 1) / 6), (60, 80)).astype(np.float32)
    flow = solve_flow(motion_tensor(bands, later, np.ones(bands.shape, bool), rho=1.5), alpha=2000.0)
    assert np.abs(flow[1]).max() < 1e-3
    assert np.median(flow[0]) == pytest.approx(1.0, abs=0.05)


def test_half_the_resolution_is_near(images):
    tensor = motion_tensor(*images, np.ones(images[0].shape, bool), rho=1.5)
    assert np.abs(solve_flow(tensor, alpha=2000.0, start_level=1) - solve_flow(tensor, alpha=2000.0)).mean() < 0.05
    assert solve_flow(tensor, alpha=2000.0, start_level=9).shape == (2, 90, 111)
