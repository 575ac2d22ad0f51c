"""As many members as wanted reach each threshold, in the order in which they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stormcell.methods.member_coupling import coupled, members_reaching


def pixel(*values: float) -> np.ndarray:
    """(member, 1, 1)."""
    return np.array(values, np.float32)[:, None, None]


def wanted(*counts: int) -> np.ndarray:
    """(threshold, 1, 1)."""
    return np.array(counts)[:, None, None]


def test_counts():
    fields = np.array([[[0.0, 1.0, np.nan]], [[1.0, 3.0, 5.0]]], np.float32)
    np.testing.assert_array_equal(members_reaching(fields, [1.0, 2.0])[:, 0], [[1, 2, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    ("members", "counts", "result"),
    [
        # As wanted already: nothing is touched.
        ((3.0, 0.2, 1.5, 0.0), (2,), (3.0, 0.2, 1.5, 0.0)),
        # One of two is to reach 1: it takes rank 1/2 + 1/2 * 2/1 = 1.5 of (3, 1.5, 0.2, 0), the others 2 5/6, 3 1/2 and 4 1/6, which is 4.
        ((3.0, 0.2, 1.5, 0.0), (1,), (2.25, 0.1, 1.5 - 1.3 * 5 / 6, 0.0)),
        # None is to reach it: ranks 2.75, 3.25, 3.75 and 4.
        ((3.0, 0.2, 1.5, 0.0), (0,), (0.525, 0.05, 0.15, 0.0)),
        # All are to reach it: ranks 0.625 and 0.875, both 1, then 1.125 and 1.375.
        ((0.0, 4.0, 0.0, 0.0), (4,), (4.0, 4.0, 3.5, 2.5)),
        # No rain to take from: as much as has to be.
        ((0.0, 0.0), (1,), (1.0, 0.0)),
        # As dry as can be while it counts: rank 1.375 lies below 1, and is lifted to it.
        ((0.0, 1.0, 0.0, 0.0), (4,), (1.0, 1.0, 1.0, 1.0)),
    ],
)
def test_by_hand(members, counts, result):
    np.testing.assert_allclose(coupled(pixel(*members), [1.0], wanted(*counts)).ravel(), result, rtol=1e-6, atol=1e-7)


def test_rain_given_to_dry_members_goes_where_it_rains_nearby():
    fields = np.zeros((3, 9, 9), np.float32)
    fields[0, 4, 4] = 2.0
    fields[2, 4, 6] = 1.0  # near the middle, in the last member only
    want = members_reaching(fields, [0.5])
    want[0, 4, 4] = 2
    got = coupled(fields, [0.5], want)
    assert got[:, 4, 4].tolist() == [2.0, 0.0, 1.5], "ranks 0.75 and 1.25"
    assert np.array_equal(np.delete(got.reshape(3, -1), 40, axis=1), np.delete(fields.reshape(3, -1), 40, axis=1))


def test_a_pixel_that_a_member_does_not_know_stays():
    fields = np.array([[[np.nan, 2.0]], [[2.0, 2.0]]], np.float32)
    got = coupled(fields, [1.0], np.array([[[1, 1]]]))
    assert np.isnan(got[0, 0, 0]) and got[1, 0, 0] == 2.0 and sorted(got[:, 0, 1] >= 1) == [False, True]


THRESHOLDS = (0.5, 1.0, 5.0)
rain = st.one_of(st.just(0.0), st.floats(0.0, 20.0, width=32), st.sampled_from(THRESHOLDS))


@given(st.data(), st.integers(1, 7))
def test_counts_are_met_order_is_kept_and_rain_is_bounded(data, members):
    fields = data.draw(hnp.arrays(np.float32, (members, 3, 4), elements=rain))
    want = np.minimum.accumulate(data.draw(hnp.arrays(np.int64, (3, 3, 4), elements=st.integers(0, members))), axis=0)
    got = coupled(fields, THRESHOLDS, want)
    np.testing.assert_array_equal(members_reaching(got, THRESHOLDS), want)
    assert got.dtype == np.float32 and got.min() >= 0 and got.max() <= max(fields.max(), THRESHOLDS[-1])
    before, after = fields.reshape(members, -1), got.reshape(members, -1)
    larger = before[:, None] > before[None]
    assert (after[:, None] >= after[None])[larger].all()
    np.testing.assert_array_equal(coupled(got, THRESHOLDS, want), got), "twice is once"
    np.testing.assert_array_equal(coupled(fields, THRESHOLDS, members_reaching(fields, THRESHOLDS)), fields)
