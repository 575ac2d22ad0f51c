"""Autoregressive processes: worked by hand, held steady, and the same as pysteps'."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.methods.cascade.autoregression import adjusted_correlation, autoregression

correlations = st.floats(-1, 1)


def test_first_order_by_hand():
    phi_1, phi_2, phi_0 = autoregression([0.6])
    assert (phi_1[0], phi_2[0], phi_0[0]) == pytest.approx((0.6, 0, 0.8))


def test_second_order_by_hand():
    """r = 0.8, 0.6: phi_1 = 0.8 (0.4) / 0.36 = 8/9, phi_2 = (0.6 - 0.64) / 0.36 = -1/9."""
    phi_1, phi_2, phi_0 = autoregression([0.8], [0.6])
    assert (phi_1[0], phi_2[0]) == pytest.approx((8 / 9, -1 / 9))
    assert phi_0[0] == pytest.approx(np.sqrt(1 - 0.8 * 8 / 9 + 0.6 / 9))


@given(correlations, correlations)
def test_every_process_fades_steadily(r_1, r_2):
    """Real roots inside the unit circle: without noise nothing grows and nothing swings from wet to dry."""
    phi_1, phi_2, phi_0 = (float(part[0]) for part in autoregression([r_1], [r_2]))
    roots = np.roots([1, -phi_1, -phi_2])
    assert np.abs(roots).max() < 1 and np.abs(roots.imag).max() < 1e-3 and 0 <= phi_0 <= 1
    lag_1, lag_2 = adjusted_correlation([r_1], [r_2])
    assert phi_1 + phi_2 * lag_1[0] == pytest.approx(lag_1[0], abs=1e-6)
    assert phi_1 * lag_1[0] + phi_2 == pytest.approx(lag_2[0], abs=1e-5), "the process has the correlations that were asked for"


@given(st.floats(0.05, 0.98), st.floats(0.0, 1.0))
def test_the_same_as_pysteps(r_1, share):
    theirs = pytest.importorskip("pysteps.timeseries.autoregression", reason="pysteps is not installed")
    adjust = pytest.importorskip("pysteps.timeseries.correlation", reason="pysteps is not installed")
    r_2 = share * r_1
    adjusted = theirs.adjust_lag2_corrcoef2(r_1, r_2)
    if adjusted > r_1:
        return  # never for rain; there pysteps lets what is two steps old be better known than what is one step old
    assert adjusted_correlation([r_1], [r_2])[1][0] == pytest.approx(adjusted, abs=1e-6)
    phi = theirs.estimate_ar_params_yw([r_1, adjusted])
    np.testing.assert_allclose([part[0] for part in autoregression([r_1], [r_2])], phi, rtol=1e-4, atol=1e-5)
    assert adjust is not None


def test_variance_stays():
    rng = np.random.default_rng(0)
    phi_1, phi_2, phi_0 = (part[0] for part in autoregression([0.9], [0.75]))
    now, before = rng.standard_normal((2, 40_000))
    before = 0.9 * now + np.sqrt(1 - 0.81) * before
    for _ in range(30):
        now, before = phi_1 * now + phi_2 * before + phi_0 * rng.standard_normal(now.size), now
    assert now.var() == pytest.approx(1, rel=0.03)
    assert np.corrcoef(now, before)[0, 1] == pytest.approx(0.9, abs=0.01)
