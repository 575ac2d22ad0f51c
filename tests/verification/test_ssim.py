import numpy as np
import pytest

from stormcell.errors import FramesError
from stormcell.verification.grey import grey_from_rain_rate
from stormcell.verification.ssim import SSIM, ssim_map
from tests.verification.cases import NAN, case, rain, values


def by_definition(f, o, known, y, x, sigma=1.5):
    """The similarity around one pixel, with weights written out."""
    rows, columns = np.mgrid[: f.shape[0], : f.shape[1]]
    reach = int(3.5 * sigma + 0.5)
    weight = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)) * known
    weight[(abs(rows - y) > reach) | (abs(columns - x) > reach)] = 0
    weight /= weight.sum()
    mf, mo = (weight * f).sum(), (weight * o).sum()
    vf, vo, cov = (weight * (f - mf) ** 2).sum(), (weight * (o - mo) ** 2).sum(), (weight * (f - mf) * (o - mo)).sum()
    return (2 * mf * mo + 1e-4) * (2 * cov + 9e-4) / ((mf**2 + mo**2 + 1e-4) * (vf + vo + 9e-4))


def test_by_definition_near_borders_and_gaps():
    rng = np.random.default_rng(1)
    known = rng.random((14, 16)) < 0.7
    f, o = ((rng.random((14, 16)) * known).astype(np.float32) for _ in range(2))
    got = ssim_map(f, o, known)
    for y, x in [(0, 0), (0, 8), (13, 15), (6, 7), (3, 12)]:
        assert got[y, x] == pytest.approx(by_definition(f.astype(float), o.astype(float), known, y, x), abs=1e-5)


def test_the_score_is_the_mean_over_valid_pixels_of_grey_images():
    said, seen, known = rain(1)[0], rain(2)[0], rain(3)[0] > 1
    images = [(grey_from_rain_rate(field) * known).astype(float) for field in (said, seen)]
    expected = np.mean([by_definition(*images, known, y, x) for y, x in np.argwhere(known)])
    assert values(SSIM(), said, seen, known)["ssim"] == pytest.approx(expected, abs=1e-5)


DRY = np.zeros((12, 12))
WET = rain(1, (1, 12, 12))[0]
DEGENERATE = {
    "perfect": (WET, WET, 1.0),
    "both dry": (DRY, DRY, NAN),
    "both too weak to be seen": (DRY + 0.001, DRY + 0.01, NAN),
    "nothing known": (DRY + NAN, WET, NAN),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name):
    forecast, observed, expected = DEGENERATE[name]
    assert values(SSIM(), forecast, observed)["ssim"] == pytest.approx(expected, nan_ok=True)


def test_a_dry_case_adds_nothing():
    score = SSIM()
    alone, dry = score.sums(*case(WET, WET[::-1])), score.sums(*case(DRY, DRY))
    np.testing.assert_array_equal(score.value(alone + dry)["ssim"], score.value(alone)["ssim"])


def test_blur_and_opposites_are_less_alike():
    seen = rain(1, (1, 40, 40), wet=1.0)[0]
    blurred, upside = np.full_like(seen, seen.mean()), seen.max() - seen
    assert values(SSIM(), upside, seen)["ssim"] < values(SSIM(), blurred, seen)["ssim"] < 0.9


def test_sigma_is_above_0():
    with pytest.raises(FramesError, match="wider than 0"):
        SSIM(0.0)


def test_twin_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed")
    f, o = (grey_from_rain_rate(rain(seed, (1, 40, 44))[0]) for seed in (1, 2))
    theirs = metrics.structural_similarity(f, o, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, full=True)[
        1
    ]
    got = ssim_map(f, o, np.ones(f.shape, bool))
    np.testing.assert_allclose(got[5:-5, 5:-5], theirs[5:-5, 5:-5], atol=2e-5)  # it mirrors the image at its borders
