import numpy as np
import pytest

from stormcell.verification import HKO7, Balanced, Contingency
from stormcell.verification.hko7 import is_noise
from tests.verification.cases import NAN, case, rain


def rate_of_level(level: float) -> float:
    """Rain rate of a grey level of 255."""
    return 10 ** ((level / 255 * 70 - 10 - 10 * np.log10(58.53)) / 15.6)


def test_noise_is_levels_1_to_70():
    levels = [0, 1, 35, 70, 71, 72, 140, 255]
    rates = np.array([[rate_of_level(level) for level in levels]], np.float32)
    assert is_noise(rates).tolist() == [[False, True, True, True, False, False, False, False]]
    assert is_noise(np.array([[0.0, NAN]], np.float32)).tolist() == [[False, False]]


def test_by_hand():
    #              hit at .5  noise seen  false alarm  beyond white: clipped  masked
    forecast, observed = [1.0, 9.0, 0.6, 1e4, 3.0], [0.5, 0.2, 0.0, 600.0, 3.0]
    of = case(forecast, observed, [True, True, True, True, False])
    score = HKO7()
    sums = score.sums(*of)
    assert sums.dims == ("lead_time", "threshold", "statistic")
    value = score.value(sums)
    assert value["csi"].values.tolist() == [[2 / 3, 1, 1, 1, 1]]
    # (2 (h c - m f)) / ((h + m)(m + c) + (h + f)(f + c)) with h, m, f, c = 2, 0, 1, 0 at 0.5 mm/h and 1, 0, 0, 2 above
    assert value["hss"].values.tolist() == [[0, 1, 1, 1, 1]]
    assert value["pod"].values.tolist() == [[1, 1, 1, 1, 1]] and value["far"].values[0, 0] == pytest.approx(1 / 3)
    grey = [(15.6 * np.log10(rate) + 10 * np.log10(58.53) + 10) / 70 for rate in (1.0, 0.5, 0.6)]
    assert value["b_mse"].item() == pytest.approx((grey[0] - grey[1]) ** 2 + grey[2] ** 2, rel=1e-5)
    assert value["b_mae"].item() == pytest.approx(grey[0] - grey[1] + grey[2], rel=1e-5)


def test_the_figures_are_means_over_lead_times_of_pooled_counts():
    score = HKO7()
    first, second = case(3 * rain(1), 3 * rain(2)), case(3 * rain(3), 3 * rain(4))
    sums = score.sums(*first) + score.sums(*second)
    value = score.value(sums)
    np.testing.assert_allclose(value["mean_csi"], value["csi"].mean("lead_time"))
    np.testing.assert_allclose(value["mean_b_mse"], value["b_mse"].mean("lead_time"))
    scored = [(of[0], of[1], of[2] & ~is_noise(of[1].values)) for of in (first, second)]
    counts = sum(Contingency(HKO7.thresholds).sums(*of) for of in scored)
    np.testing.assert_allclose(value["hss"], Contingency(HKO7.thresholds).value(counts)["hss"])
    np.testing.assert_allclose(value["b_mae"], Balanced().value(sum(Balanced().sums(*of) for of in scored))["b_mae"])


def test_a_lead_time_without_rain_leaves_no_mean():
    """It is not left out of the mean: a benchmark that has no event at a threshold has no figure there."""
    observed = np.zeros((2, 1, 2), np.float32)
    observed[0] = 3.0
    value = HKO7().value(HKO7().sums(*case(observed, observed)))
    assert value["csi"].sel(threshold=2.0).values.tolist() == pytest.approx([1, NAN], nan_ok=True)
    assert np.isnan(value["mean_csi"]).all() and value["mean_b_mse"].item() == 0


# POD and FAR at the five thresholds over all 6053 test sequences, mean of 20 lead times, of a rerun of ROVER with its non-linear
# transform; with the mean CSI of the same counts. Means of ratios obey the identity of ratios only roughly.
POD, FAR = (0.6049, 0.5698, 0.4847, 0.3112, 0.1242), (0.3476, 0.4312, 0.5322, 0.6197, 0.7611)
CSI = (0.4655, 0.4074, 0.3226, 0.2164, 0.0951)


def test_published_scores_hang_together():
    """1 / CSI = 1 / POD + 1 / (1 - FAR) - 1 on counts made to have the published POD and FAR."""
    for pod, far, published in zip(POD, FAR, CSI, strict=True):
        hits = 10_000.0
        counts = Contingency((1.0,)).sums(*case([0.0], [0.0])).copy(data=[[[hits, hits / pod - hits, hits * far / (1 - far), 1e6]]])
        value = Contingency((1.0,)).value(counts)
        assert value["pod"].item() == pytest.approx(pod) and value["far"].item() == pytest.approx(far)
        assert value["csi"].item() == pytest.approx(published, abs=0.012)
