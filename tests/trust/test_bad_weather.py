"""Every method meets every case of bad weather data; docs/trust.md shows what comes of it, and is held to it."""

import re

import numpy as np
import pytest
import xarray as xr

from stormcell.methods import METHODS
from tests.trust.contract import DEAR, UNBOUNDED, expected_refusal, meet, method_of, not_tried
from tests.trust.weather import CASES, SPIKE

QUICK_FOR_ALL = ("newest-missing", "spike", "ring", "dry")
"""Cases that dear methods meet with every change, beside those that they refuse at once."""


def _pairs() -> list:
    """All methods and cases, the dear ones marked."""
    pairs = []
    for name in METHODS:
        for key, case in CASES.items():
            dear = name in DEAR and key not in QUICK_FOR_ALL and not expected_refusal(name, case)
            slow = case.slow or dear or (case.alike and name != "advection")
            pairs.append(pytest.param(name, key, marks=[pytest.mark.slow, pytest.mark.timeout(900)] if slow else []))
    return pairs


@pytest.mark.parametrize(("name", "key"), _pairs())
def test_an_answer_that_keeps_the_contract_or_a_clear_error(name, key):
    case = CASES[key]
    if why := not_tried(name, case):
        pytest.skip(why)
    outcome, refusal = meet(name, case), expected_refusal(name, case)
    if refusal:
        assert outcome.kind == "refused" and re.search(refusal, outcome.text), outcome
    else:
        assert outcome.kind != "refused", outcome.text


@pytest.mark.parametrize("key", [key for key, case in CASES.items() if case.alike])
def test_what_join_frames_puts_right_is_as_if_nothing_was_wrong(key):
    """So a method that meets the one has met the other."""
    made, right = CASES[key].past(), CASES[CASES[key].alike].past()
    np.testing.assert_array_equal(made.values, right.values)
    xr.testing.assert_identical(made["time"], right["time"])


@pytest.mark.parametrize("name", [name for name in METHODS if name not in UNBOUNDED])
def test_a_spike_does_not_spread(name):
    """One pixel that no rain ever reached is no storm: where it is not, nothing is stronger than twice the strongest real rain."""
    case = CASES["spike"]
    if why := not_tried(name, case):
        pytest.skip(why)
    past = case.past()
    real = float(past.values[past.values < SPIKE].max())
    rain = method_of(name)(past, np.array([5], "timedelta64[m]"), seed=1).values[0, 0]
    assert (rain > 2 * real).sum() <= 4, "the pixels that a bilinear look-up makes of one"
