"""A check holds within its bounds, and there is always something that can fail it."""

import math

import pytest

from stormcell.lab import Check


@pytest.mark.parametrize(
    ("value", "at_least", "at_most", "holds"),
    [
        (1.0, 1.0, None, True),
        (0.9, 1.0, None, False),
        (1.0, None, 1.0, True),
        (1.1, None, 1.0, False),
        (0.5, 0.0, 1.0, True),
        (2.0, 0.0, 1.0, False),
    ]
    + [(math.nan, 0.0, None, False), (math.nan, None, 1.0, False)],
)
def test_bounds_are_part_of_what_holds(value, at_least, at_most, holds):
    assert Check("x", value, at_least, at_most).holds is holds


def test_a_check_without_bounds_is_none():
    with pytest.raises(ValueError, match="nothing can fail"):
        Check("x", 1.0)
