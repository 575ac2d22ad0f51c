import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import FramesError
from stormcell.frames import make_forecast
from stormcell.timeline import minutes
from stormcell.verification.contingency import Contingency, bias, csi, far, pod
from tests.conftest import frames_of

NAN = np.nan


def pair(forecast, observed):
    """A one-lead forecast of these pixels, and what was seen."""
    seen = frames_of(np.array([[observed]], np.float32))
    said = make_forecast(np.array([[[forecast]]], np.float32), seen, minutes(5, 5, step=5), method="test")
    return said, seen


def scores(forecast, observed, threshold=1.0):
    table = Contingency((threshold,)).sums(*pair(forecast, observed))
    return {formula.__name__: float(formula(table).squeeze()) for formula in (csi, pod, far, bias)}, table.squeeze().values.tolist()


def test_by_hand():
    #            hit  hit  miss  false alarm  dry  unknown   at the threshold: an event in both
    values, counts = scores([2.0, 3.0, 0.0, 5.0, 0.0, NAN, 9.0, 1.0], [4.0, 1.0, 2.0, 0.0, 0.5, 2.0, NAN, 1.0])
    assert counts == [3, 1, 1, 1]
    assert values == pytest.approx({"csi": 3 / 5, "pod": 3 / 4, "far": 1 / 4, "bias": 1.0})


def test_perfect():
    values, _ = scores([2.0, 0.0], [2.0, 0.0])
    assert values == {"csi": 1.0, "pod": 1.0, "far": 0.0, "bias": 1.0}


def test_nothing_rained_and_nothing_was_said():
    values, counts = scores([0.0, 0.1], [0.0, 0.5])
    assert counts == [0, 0, 0, 2] and all(np.isnan(value) for value in values.values())


def test_missing_everywhere_counts_nowhere():
    assert scores([NAN, NAN], [1.0, NAN])[1] == [0, 0, 0, 0]


def test_shapes_must_fit():
    forecast, observed = pair([1.0], [1.0])
    with pytest.raises(FramesError, match="scores"):
        Contingency().sums(forecast, observed.isel(x=slice(0, 0)))


@given(
    st.lists(st.tuples(st.floats(0, 10, width=32) | st.just(NAN), st.floats(0, 10, width=32) | st.just(NAN)), min_size=2, max_size=30),
    st.data(),
)
def test_any_split_adds_up_to_the_whole(pixels, data):
    cut = data.draw(st.integers(1, len(pixels) - 1))
    score = Contingency((0.5, 2.0))
    whole, left, right = (score.sums(*pair(*map(list, zip(*part, strict=True)))) for part in (pixels, pixels[:cut], pixels[cut:]))
    assert (whole.values == (left + right).values).all()
    value = score.value(whole).values
    assert np.all(np.isnan(value) | ((value >= 0) & (value <= 1)))
