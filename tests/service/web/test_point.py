"""Start and end of rain, worked by hand."""

import numpy as np
import pytest

from stormcell.service.point import Outlook, minute_values, outlook_of

NAN = float("nan")


def test_values_lie_on_straight_lines_between_lead_times():
    np.testing.assert_allclose(minute_values([0, 120, 240], [0.0, 2.0, 1.0]), [0.0, 1.0, 2.0, 1.5, 1.0])


def test_a_step_need_not_be_whole_minutes():
    np.testing.assert_allclose(minute_values([0, 150, 300], [0.0, 2.5, 0.0]), [0.0, 1.0, 2.0, 2.0, 1.0, 0.0])


def test_next_to_what_is_not_known_nothing_is_made_up():
    np.testing.assert_array_equal(minute_values([0, 120, 240], [1.0, NAN, 3.0]), [1.0, NAN, NAN, NAN, 3.0])
    np.testing.assert_array_equal(minute_values([0, 120, 240], [NAN, 2.0, 3.0]), [NAN, NAN, 2.0, 2.5, 3.0])


@pytest.mark.parametrize(
    ("rates", "now", "expected"),
    [
        ([0, 0, 1, 1, 0], 0, Outlook("starts", 0.0, 2, 4, 4)),
        ([0, 0, 1, 1, 0], 1.9, Outlook("starts", 0.0, 1, 3, 3)),
        ([0, 0, 1, 1, 0], 2.0, Outlook("ends", 1.0, 0, 2, 2)),
        ([0, 0, 1, 1, 1], 3.0, Outlook("rain", 1.0, 0, None, 1)),
        ([0, 0, 1, 1, 1], 0, Outlook("starts", 0.0, 2, None, 4)),
        ([0, 0.09, 0], 0, Outlook("dry", 0.0, None, None, 2)),
        ([0, 0.1, 0], 0, Outlook("starts", 0.0, 1, 2, 2)),
        ([0, 0, NAN, 1], 0, Outlook("dry", 0.0, None, None, 1)),  # what comes after a gap is not promised
        ([1, 1, NAN, 0], 0, Outlook("rain", 1.0, 0, None, 1)),
        ([NAN, 1, 0], 0, Outlook("unknown", None, None, None, 0)),
        ([0, 1], 2.0, Outlook("over", None, None, None, 0)),
        ([0, 1], 1e9, Outlook("over", None, None, None, 0)),
        ([0, 1], -5.0, Outlook("starts", 0.0, 1, None, 1)),
    ],
)
def test_outlook(rates, now, expected):
    assert outlook_of(np.array(rates, float), now) == expected
