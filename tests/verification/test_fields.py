import numpy as np
import pytest

from stormcell.errors import FramesError
from stormcell.verification import SCORES, fields
from stormcell.verification.fields import sums_of_fields, sums_of_members, sums_of_pixels
from tests.verification.cases import NAN, case, rain


def totals(said, seen, known):
    return said.sum(), seen.sum(), known.sum()


STATISTICS = ("said", "seen", "known")


def test_what_lies_outside_is_zero():
    for run in (sums_of_fields, sums_of_pixels):
        sums = run(totals, *case([[1.0, NAN, 7.0]], [[2.0, 5.0, NAN]], [[True, False, False]]), statistic=STATISTICS)
        assert sums.dims == ("lead_time", "statistic") and sums.dtype == np.float64 and sums.values.tolist() == [[1, 2, 1]]
        assert sums["lead_time"].values[0] == np.timedelta64(5, "m") and sums["statistic"].values.tolist() == list(STATISTICS)


def test_lead_times_come_back_in_order():
    observed = np.arange(7, dtype=float)[:, None, None] * np.ones((1, 2, 2))
    for run in (sums_of_fields, sums_of_pixels):
        sums = run(totals, *case(observed, observed), statistic=STATISTICS)
        assert sums.sel(statistic="seen").values.tolist() == [0, 4, 8, 12, 16, 20, 24]


def test_an_ensemble_is_its_mean_unless_members_are_asked_for():
    of = case([[[[1.0, 2.0]]], [[[3.0, 6.0]]]], [[0.0, 0.0]])
    assert sums_of_fields(totals, *of, statistic=STATISTICS).values.tolist() == [[6, 0, 2]]
    members = sums_of_members(lambda said, seen, known: said.sum(axis=(1, 2)), *of, statistic=("first", "second"))
    assert members.values.tolist() == [[3, 9]]


def test_blocks_of_rows_add_up(monkeypatch):
    of = case(rain(1), rain(2), rain(3) > 1)
    whole = sums_of_pixels(totals, *of, statistic=STATISTICS)
    monkeypatch.setattr(fields, "_BLOCK", 7 * 30)  # 24 rows: three blocks of 7 and one of 3
    np.testing.assert_allclose(sums_of_pixels(totals, *of, statistic=STATISTICS), whole, rtol=1e-6)


@pytest.mark.parametrize("bad", [NAN, np.inf, -np.inf])
@pytest.mark.parametrize("run", [sums_of_fields, sums_of_pixels])
def test_a_valid_pixel_that_is_not_a_number_is_loud(run, bad):
    forecast, observed, valid = case([[1.0, 2.0]], [[1.0, 2.0]])
    broken = forecast.copy(deep=True)
    broken[0, 0, 0, 1] = bad
    with pytest.raises(FramesError, match="`valid` names is NaN"):
        run(totals, broken, observed, valid, statistic=STATISTICS)
    with pytest.raises(FramesError, match="`valid` names is NaN"):
        run(totals, forecast, broken[0], valid, statistic=STATISTICS)


def test_one_member_of_an_ensemble_that_is_not_a_number_is_loud():
    of = case([[[[1.0, NAN]]], [[[3.0, 6.0]]]], [[0.0, 0.0]], [[True, True]])
    with pytest.raises(FramesError, match="`valid` names is NaN"):
        sums_of_fields(totals, *of, statistic=STATISTICS)


def test_shapes_and_dimensions_must_fit():
    forecast, observed, valid = case([[1.0, 2.0]], [[1.0, 2.0]])
    for bad in (
        (forecast, observed.isel(x=slice(0, 1)), valid.isel(x=slice(0, 1))),
        (forecast, observed, valid.astype(float)),
        (forecast[0], observed, valid),
        (forecast, observed.transpose("y", "x", "lead_time"), valid),
    ):
        with pytest.raises(FramesError, match="scores: "):
            sums_of_fields(totals, *bad, statistic=STATISTICS)


def test_sums_of_another_score_are_refused():
    sums = sums_of_pixels(totals, *case([1.0], [1.0]), statistic=STATISTICS)
    assert [part.item() for part in fields.statistics_of(sums, ("known", "said"))] == [1, 1]
    with pytest.raises(FramesError, match="expected sums of hits, got said, seen, known"):
        fields.statistics_of(sums, ("hits",))


@pytest.mark.parametrize("bad", [(), (0.0, 1.0), (-1.0,), (2.0, 1.0), (1.0, 1.0), (1.0, np.inf), (NAN,)])
def test_thresholds(bad):
    with pytest.raises(FramesError, match="thresholds above 0"):
        fields.check_thresholds(bad)


def test_memory_for_fields_begins_with_a_cache_line():
    kept = [fields.aligned_room((3, 5, 7 + number)) for number in range(8)]
    assert all(room.ctypes.data % 64 == 0 and room.dtype == np.float32 for room in kept)
    assert [room.shape for room in kept] == [(3, 5, 7 + number) for number in range(8)]


def test_the_last_digit_is_the_same_every_time():
    field = np.random.default_rng(0).gamma(0.3, 3.0, (2, 61, 53)).astype(np.float32)
    kept, found = [], set()
    for _ in range(10):
        found.add(SCORES["continuous"]().sums(*case(field, field[::-1])).values.tobytes())
        kept.append(np.empty(1009, np.float32))  # so that the next memory lies elsewhere
    assert len(found) == 1
