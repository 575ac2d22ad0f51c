import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.verification.continuous import Continuous
from tests.verification.cases import NAN, case, rain, values


def test_by_hand():
    got = values(Continuous(), [1.0, 2.0, 0.0, NAN], [3.0, 2.0, 1.0, 5.0])  # errors -2, 0, -1
    p, t = np.array([1.0, 2.0, 0.0]), np.array([3.0, 2.0, 1.0])
    assert got == pytest.approx(
        {
            "me": -1.0,
            "mae": 1.0,
            "rmse": np.sqrt(5 / 3),
            "rainfall_mse": 5 / 3,
            "correlation": 7 / np.sqrt(5 * 14),
            "pearson": np.corrcoef(p, t)[0, 1],
        }
    )


PERFECT = {"me": 0.0, "mae": 0.0, "rmse": 0.0, "rainfall_mse": 0.0, "correlation": 1.0, "pearson": 1.0}
DEGENERATE = {
    "perfect": ([1.0, 2.0], [1.0, 2.0], PERFECT),
    "dry and said so: errors are 0, correlations not defined": ([0.0, 0.0], [0.0, 0.0], PERFECT | {"correlation": NAN, "pearson": NAN}),
    "dry, and rain was said": (
        [2.0, 0.0],
        [0.0, 0.0],
        {"me": 1.0, "mae": 1.0, "rmse": np.sqrt(2), "rainfall_mse": 2.0, "correlation": NAN, "pearson": NAN},
    ),
    "no rain in common": (
        [2.0, 0.0],
        [0.0, 2.0],
        {"me": 0.0, "mae": 2.0, "rmse": 2.0, "rainfall_mse": 4.0, "correlation": 0.0, "pearson": -1.0},
    ),
    "a constant that has no exact form": ([0.1] * 7, [0.1] * 7, PERFECT | {"pearson": NAN}),
    "one pixel": ([3.0], [3.0], PERFECT | {"pearson": NAN}),
    "nothing known": ([NAN], [1.0], dict.fromkeys(PERFECT, NAN)),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name):
    forecast, observed, expected = DEGENERATE[name]
    assert values(Continuous(), forecast, observed) == pytest.approx(expected, nan_ok=True, abs=1e-12)


@pytest.mark.parametrize("shape", [(598, 453), (268, 143), (63, 441)])
def test_a_large_dry_field_has_no_correlation_whatever_is_lost_in_the_sums(shape):
    """OpenCV adds up a field's squares and its squared distance from 0 in another order."""
    wet, dry = np.random.default_rng(0).gamma(0.3, 5.0, shape), np.zeros(shape)
    for of in ((wet, dry), (dry, wet)):
        assert np.isnan([values(Continuous(), *of)[name] for name in ("correlation", "pearson")]).all()


@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0.01, 1000))
def test_sums_keep_the_precision_of_float64(seed, wet, scale):
    said, seen = (field * np.float32(scale) for field in (rain(seed, (1, 9, 11), wet), rain(seed + 1, (1, 9, 11), wet)))
    got = Continuous().sums(*case(said, seen)).squeeze().values
    p, t = said.astype(np.float64), seen.astype(np.float64)
    assert got == pytest.approx([p.size, p.sum(), t.sum(), (p**2).sum(), (t**2).sum(), abs(p - t).sum(), ((p - t) ** 2).sum()], rel=1e-7)


def test_twins():
    package = pytest.importorskip("scores", reason="scores is not installed").continuous
    forecast, observed, valid = case(rain(1), rain(2), rain(3) > 1)
    score = Continuous()
    got = score.value(score.sums(forecast, observed, valid))
    said, seen = (field.where(valid).astype(np.float64) for field in (forecast[0], observed))
    keep = {"preserve_dims": ["lead_time"]}
    np.testing.assert_allclose(got["me"], package.additive_bias(said, seen, **keep), rtol=1e-6)
    np.testing.assert_allclose(got["mae"], package.mae(said, seen, **keep), rtol=1e-6)
    np.testing.assert_allclose(got["rmse"], package.rmse(said, seen, **keep), rtol=1e-6)
    np.testing.assert_allclose(got["rainfall_mse"], package.mse(said, seen, **keep), rtol=1e-6)
    np.testing.assert_allclose(got["pearson"], package.correlation.pearsonr(said, seen, **keep), rtol=1e-6)


def test_twin_of_scikit_learn():
    cosine = pytest.importorskip("sklearn.metrics.pairwise", reason="scikit-learn is not installed").cosine_similarity
    said, seen = rain(1)[:1], rain(2)[:1]
    assert values(Continuous(), said, seen)["correlation"] == pytest.approx(
        cosine(said.reshape(1, -1), seen.reshape(1, -1)).item(), rel=1e-5
    )


def test_twin_of_pysteps(capsys):
    theirs = pytest.importorskip("pysteps.verification.detcontscores", reason="pysteps is not installed")
    said, seen = (field.astype(np.float64) for field in (rain(1)[0], rain(2)[0]))
    got = values(Continuous(), said, seen)
    reference = theirs.det_cont_fct(said, seen, ["ME", "MAE", "RMSE", "MSE", "corr_p"])
    assert [got[name] for name in ("me", "mae", "rmse", "rainfall_mse", "pearson")] == pytest.approx(
        [float(value) for value in reference.values()], rel=1e-6
    )


def test_pysteps_does_not_pair_what_it_averages(capsys):
    """With NaN in the forecast alone its means of forecast and observation, and so its correlation, are of different pixels."""
    theirs = pytest.importorskip("pysteps.verification.detcontscores", reason="pysteps is not installed")
    said, seen = np.array([1.0, 2.0, 3.0, NAN]), np.array([1.0, 2.0, 3.0, 90.0])
    assert theirs.det_cont_fct(said, seen, ["corr_p"])["corr_p"] != pytest.approx(1, abs=0.1)
    assert values(Continuous(), said, seen)["pearson"] == pytest.approx(1)
