"""From which rate on an event is best said, by hand."""

import numpy as np
import pytest
import xarray as xr

from stormcell.errors import FramesError
from stormcell.verification import Contingency
from stormcell.verification.decision_rates import DecisionRates
from tests.verification.cases import NAN, case, rain

SCORE = DecisionRates((0.5, 2.0))


def test_by_hand():
    """Forecast 1 for what was 2, and once for what was 0.5: 2 mm/h is best said from 1 on, with 2 hits and 1 false alarm."""
    found = SCORE.value(SCORE.sums(*case([1.0, 1.0, 1.0, 0.0, 3.0], [2.0, 2.0, 0.5, 0.0, NAN]))).isel(lead_time=0)
    assert found["csi"].sel(threshold=2.0) == 0
    two = found["csi_from"].sel(threshold=2.0)
    assert two.sel(rain_rate=0.0) == pytest.approx(2 / 4), "said everywhere"
    assert float(two.max()) == pytest.approx(2 / 3)
    assert float(two.sel(rain_rate=two["rain_rate"] >= 1.1).max()) == 0
    assert found["csi"].sel(threshold=0.5) == 1


def test_at_the_threshold_it_is_that_of_the_contingency_table():
    said, seen = rain(1), rain(2)
    twin = Contingency((0.5, 2.0)).sums(*case(said, seen))
    xr.testing.assert_allclose(SCORE.value(SCORE.sums(*case(said, seen)))["csi"], Contingency((0.5, 2.0)).value(twin)["csi"])


def test_two_halves_add_up_to_the_whole():
    said, seen = rain(1, (2, 24, 30)), rain(2)
    whole = SCORE.sums(*case(said, seen))
    halves = [SCORE.sums(*case(said[:, rows], seen[:, rows])) for rows in (slice(0, 10), slice(10, None))]
    np.testing.assert_array_equal(whole.values, (halves[0] + halves[1]).values)


def test_dry_and_never_said():
    found = SCORE.value(SCORE.sums(*case([0.0, 0.0], [0.0, 0.0]))).isel(lead_time=0)
    assert np.isnan(found["csi"]).all()


def test_thresholds_rise():
    with pytest.raises(FramesError):
        DecisionRates((2.0, 0.5))
