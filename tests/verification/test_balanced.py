import numpy as np
import pytest

from stormcell.errors import FramesError
from stormcell.verification.balanced import Balanced, balancing_weights
from stormcell.verification.grey import grey_from_rain_rate
from tests.verification.cases import NAN, case, rain, values


@pytest.mark.parametrize(
    ("rain_rate", "weight"),
    [(0, 1), (0.5, 1), (1.9999, 1), (2, 2), (4.9999, 2), (5, 5), (9.9999, 5), (10, 10), (29.9999, 10), (30, 30), (400, 30)],
)
def test_weights_are_those_of_the_paper_at_every_border(rain_rate, weight):
    assert balancing_weights(np.array([[rain_rate]], np.float32)).item() == weight


def test_by_hand_in_rain_rates():
    #           weight 1   2    30   masked
    got = values(Balanced("mm h-1"), [1.0, 5.0, 28.0, NAN], [0.0, 2.0, 30.0, 40.0])
    assert got == pytest.approx({"b_mse": 1 + 2 * 9 + 30 * 4, "b_mae": 1 + 2 * 3 + 30 * 2})


def test_by_hand_in_grey_values():
    p, o = (grey_from_rain_rate(np.array([rate], np.float32)).item() for rate in (5.0, 30.0))
    assert values(Balanced(), [5.0, 0.0], [30.0, 0.0]) == pytest.approx({"b_mse": 30 * (p - o) ** 2, "b_mae": 30 * (o - p)}, rel=1e-5)


def test_pixels_are_summed_and_frames_averaged():
    one, two = case([5.0, 5.0], [2.0, 2.0]), case([3.0, 2.0], [2.0, 2.0])
    score = Balanced("mm h-1")
    value = score.value(score.sums(*one) + score.sums(*two))
    assert value["b_mse"].item() == (2 * 2 * 9 + 2 * 1) / 2 and value["b_mae"].item() == (2 * 2 * 3 + 2 * 1) / 2


def test_many_rows_are_still_one_frame(monkeypatch):
    from stormcell.verification import fields

    whole = Balanced().sums(*case(rain(1), rain(2)))
    monkeypatch.setattr(fields, "_BLOCK", 100)
    blocks = Balanced().sums(*case(rain(1), rain(2)))
    assert blocks.sel(statistic="frames").values.tolist() == [1, 1]
    np.testing.assert_allclose(blocks, whole, rtol=1e-6)


def test_dry_and_unknown():
    assert values(Balanced(), [0.0, 0.0], [0.0, 0.0]) == {"b_mse": 0.0, "b_mae": 0.0}
    assert values(Balanced(), [NAN], [1.0]) == pytest.approx({"b_mse": NAN, "b_mae": NAN}, nan_ok=True)


def test_heavier_rain_weighs_more():
    light, heavy = (values(Balanced("mm h-1"), [rate + 1.0], [rate])["b_mae"] for rate in (0.0, 30.0))
    assert heavy == 30 * light


def test_the_unit_is_one_of_two():
    with pytest.raises(FramesError, match="'grey' or 'mm h-1', not in 'dBZ'"):
        Balanced("dBZ")
