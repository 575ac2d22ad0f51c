import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import FramesError
from stormcell.timeline import minutes
from stormcell.verification.skill_horizon import skill_horizon
from tests.verification.cases import NAN


def curve(*scores):
    """Scores at 10, 20, ... minutes."""
    return xr.DataArray(np.array(scores, float), dims="lead_time", coords={"lead_time": minutes(10, 10 * len(scores), step=10)})


def found(score, level, **options):
    """Minutes, None where there is no horizon, and the outcome."""
    got = skill_horizon(score, level, **options)
    span = got["horizon"].values
    return (None if np.isnat(span) else span / np.timedelta64(1, "m")), got["outcome"].item()


CASES = {
    "between two lead times": (curve(0.6, 0.5, 0.1), 0.4, (22.5, "lost")),
    "exactly at one is not below": (curve(0.6, 0.4, 0.2), 0.4, (20, "lost")),
    "equal to the level to the end": (curve(0.4, 0.4), 0.4, (None, "kept")),
    "never lost": (curve(0.9, 0.8), 0.4, (None, "kept")),
    "never had": (curve(0.3, 0.2), 0.4, (None, "none")),
    "comes back, too late": (curve(0.5, 0.3, 0.9), 0.4, (15, "lost")),
    "not known before the loss": (curve(0.5, NAN, 0.1), 0.4, (None, "unknown")),
    "not known at first": (curve(NAN, 0.5, 0.1), 0.4, (None, "unknown")),
    "not known after the loss": (curve(0.5, 0.3, NAN), 0.4, (15, "lost")),
    "one lead time, kept": (curve(0.5), 0.4, (None, "kept")),
    "one lead time, none": (curve(0.3), 0.4, (None, "none")),
    "against another curve": (curve(0.8, 0.6, 0.4), curve(0.4, 0.5, 0.6), (23 + 1 / 3, "lost")),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name):
    score, level, (span, outcome) = CASES[name]
    got = found(score, level)
    assert got[1] == outcome and (got[0] == pytest.approx(span) if span is not None else got[0] is None)


def test_errors_lose_above_the_level():
    assert found(curve(1.0, 3.0), 2.0, higher_is_better=False) == (15, "lost")
    assert found(curve(1.0, 3.0), 2.0) == (None, "none")


def test_further_dimensions_are_kept():
    score = xr.concat([curve(0.9, 0.1), curve(0.9, 0.8)], "method").assign_coords(method=["a", "b"]).transpose("lead_time", ...)
    got = skill_horizon(score, score.sel({"method": "b"}) - 0.4)
    assert got["horizon"].dims == ("method",) and got["outcome"].values.tolist() == ["lost", "kept"]
    assert got["horizon"].dtype.kind == "m" and np.isnat(got["horizon"].sel({"method": "b"}))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0, 1))
def test_lies_between_the_lead_times_around_the_loss(scores, level):
    span, outcome = found(curve(*scores), level)
    below = [number for number, score in enumerate(scores) if score < level]
    assert (outcome == "kept") == (not below) and (outcome == "none") == (below[:1] == [0])
    if outcome == "lost":
        assert 10 * below[0] <= span <= 10 * (below[0] + 1)


def test_refusals():
    with pytest.raises(FramesError, match="rising lead times"):
        skill_horizon(curve(0.5, 0.4).isel(lead_time=[1, 0]), 0.4)
    with pytest.raises(FramesError, match="rising lead times"):
        skill_horizon(curve(0.5, 0.4).mean("lead_time"), 0.4)
    with pytest.raises(FramesError, match="at the lead times"):
        skill_horizon(curve(0.5, 0.4), curve(0.5, 0.4, 0.3))
