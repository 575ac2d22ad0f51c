import numpy as np

from stormcell.verification.score import common_mask, point_forecast
from tests.verification.cases import NAN, case


def test_what_all_know_is_scored():
    first, observed, _ = case([[[[1.0, 1.0, NAN, 1.0]]], [[[1.0, NAN, 1.0, 1.0]]]], [[1.0, 1.0, 1.0, NAN]])
    second = case([[1.0, 1.0, 1.0, np.inf]], [[1.0, 1.0, 1.0, 1.0]])[0]
    assert common_mask(observed, [first, second]).values.tolist() == [[[True, False, False, False]]]
    assert common_mask(observed, []).values.tolist() == [[[True, True, True, False]]]
    mask = common_mask(observed, [first])
    assert mask.dims == ("lead_time", "y", "x") and mask.dtype == bool and mask.name == "valid"


def test_a_point_forecast_is_the_member_or_the_mean():
    one = case([[1.0, NAN]], [[0.0, 0.0]])[0]
    np.testing.assert_array_equal(point_forecast(one), one.values[0])
    two = case([[[[1.0, NAN]]], [[[3.0, 4.0]]]], [[0.0, 0.0]])[0]
    np.testing.assert_array_equal(point_forecast(two), [[[2.0, NAN]]])  # the mean of what is known would hide that a member knows nothing


def test_members_that_agree_are_their_own_mean():
    """Else they would fall short of a threshold that each of them reaches: seven times 0.7 over 7 is less than 0.7 in float32."""
    rates = np.float32([0.1, 0.3, 0.7, 2.2, 33.3])
    ensemble = case(np.broadcast_to(rates, (7, 1, 1, 5)), rates)[0]
    assert point_forecast(ensemble).values.ravel().tolist() == rates.tolist() and point_forecast(ensemble).dtype == np.float32
