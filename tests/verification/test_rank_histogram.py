import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stormcell.errors import FramesError
from stormcell.verification.rank_histogram import RankHistogram
from tests.verification.cases import NAN, case, rain


def of(members, observed, valid=None, *, score=None):
    """The scores of fields: members (member, y, x), observation (y, x)."""
    score = score or RankHistogram()
    return score.value(score.sums(*case(np.asarray(members)[:, np.newaxis], observed, valid))).squeeze("lead_time")


def frequency(members, observed, **options):
    """Of the ranks that there are, for members (member, x) and observation (x,)."""
    return of(np.asarray(members)[:, np.newaxis], [observed], **options)["frequency"].values[: len(members) + 1].tolist()


def test_by_hand():
    #          below both, between, above both, equal to the lower one
    members = [[1, 1, 1, 1], [3, 3, 3, 3]]
    assert frequency(members, [0.5, 2, 4, 1]) == pytest.approx([1.5 / 4, 1.5 / 4, 1 / 4])
    got = of(np.reshape(members, (2, 1, 4)), [[0.5, 2, 4, 1]])
    assert got["departure"].item() == pytest.approx((2 * (1.5 / 4 - 1 / 3) ** 2 + (1 / 4 - 1 / 3) ** 2) * 3)


DEGENERATE = {
    "all equal: every rank is as good": ([[2], [2], [2]], [2], [1 / 4] * 4),
    "all equal members, more was seen": ([[2], [2], [2]], [3], [0, 0, 0, 1]),
    "two of three dry, and it was": ([[0], [5], [0]], [0], [1 / 3, 1 / 3, 1 / 3, 0]),
    "one member, too wet": ([[2]], [1], [1, 0]),
    "one member, right": ([[2]], [2], [1 / 2, 1 / 2]),
    "dry all over: left out, and nothing is left": ([[0], [0]], [0], [NAN] * 3),
    "dry all over beside rain: left out": ([[0, 2], [0, 3]], [0, 1], [1, 0, 0]),
    "dry members only, but it rained": ([[0], [0]], [1], [0, 0, 1]),
    "dry, but one member rained": ([[0], [1]], [0], [1 / 2, 1 / 2, 0]),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name):
    members, observed, expected = DEGENERATE[name]
    assert frequency(members, observed) == pytest.approx(expected, nan_ok=True)


def test_dry_pixels_flatter_where_they_are_asked_for():
    members, observed = np.array([[0, 0, 0, 2], [0, 0, 0, 3]]), [0, 0, 0, 9]
    assert frequency(members, observed, score=RankHistogram(dry=True)) == pytest.approx([1 / 4, 1 / 4, 1 / 2])
    assert frequency(members, observed) == [0, 0, 1]
    dry, wet = (of(members[:, np.newaxis], [observed], score=RankHistogram(dry=dry))["departure"].item() for dry in (True, False))
    assert dry < wet == pytest.approx(2.0)  # all in one of three ranks: as many as there are members


def test_nothing_valid_is_not_flat():
    got = of(np.ones((2, 1, 2)), [[1, 2]], [[False, False]])
    assert np.isnan(got["departure"]) and np.isnan(got["frequency"]).all()


SOME_RAIN = st.sampled_from([0.0, 0.5, 1.0, 3.0])


@st.composite
def ensembles(draw):
    count, pixels = draw(st.integers(1, 8)), draw(st.integers(1, 20))
    return draw(arrays(np.float32, (count, 1, pixels), elements=SOME_RAIN)), draw(arrays(np.float32, (1, pixels), elements=SOME_RAIN))


@given(ensembles(), st.booleans(), st.randoms(use_true_random=False))
def test_frequencies_make_one_in_any_order_of_members(ensemble, dry, random):
    members, observed = ensemble
    got = of(members, observed, score=RankHistogram(dry=dry))
    total = got["frequency"].sum("rank", skipna=True, min_count=1).item()
    assert total == pytest.approx(1) if dry or observed.any() or members.any() else np.isnan(total)
    assert np.isnan(total) or 0 <= got["departure"] <= len(members) + 1e-9
    assert np.isnan(got["frequency"].values[len(members) + 1 :]).all()
    shuffled = members[random.sample(range(len(members)), len(members))]
    assert got.identical(of(shuffled, observed, score=RankHistogram(dry=dry)))


@given(ensembles(), st.data())
def test_any_split_adds_up_and_nothing_leaks_from_outside(ensemble, data):
    members, observed = ensemble
    left = data.draw(arrays(bool, observed.shape))
    score = RankHistogram()
    whole, *parts = (score.sums(*case(members[:, np.newaxis], observed, valid)) for valid in (np.ones_like(left), left, ~left))
    np.testing.assert_allclose(sum(part.values for part in parts), whole.values, atol=1e-9)
    forecast, seen, valid = case(members[:, np.newaxis], observed, left)
    forecast.values[..., ~left] = seen.values[..., ~left] = NAN
    np.testing.assert_array_equal(score.sums(forecast, seen, valid), parts[0])


def test_an_ensemble_like_the_observation_is_flat_and_others_are_not():
    rng = np.random.default_rng(0)
    observed = np.maximum(rng.normal(size=(100, 100)), 0)  # half of it dry, so that many values tie
    like, narrow, wet = (np.maximum(rng.normal(shift, width, (9, 100, 100)), 0) for shift, width in ((0, 1), (0, 0.5), (0.5, 1)))
    flat, u_shaped, sloped = (of(members, observed) for members in (like, narrow, wet))
    assert flat["departure"] < 0.005 < u_shaped["departure"] and sloped["departure"] > 0.05
    assert u_shaped["frequency"].values[9] > 0.2 and sloped["frequency"].values[0] > 0.14 > sloped["frequency"].values[9]


def test_more_members_than_ranks_are_refused():
    with pytest.raises(FramesError, match=r"RankHistogram\(ranks="):
        RankHistogram(ranks=5).sums(*case(rain(1, (5, 1, 9, 9)), rain(2, (9, 9))))
    assert RankHistogram(ranks=5).sums(*case(rain(1, (4, 1, 9, 9)), rain(2, (9, 9)))).sizes["rank"] == 5


def test_an_unexpected_gap_is_loud():
    members = rain(1, (4, 1, 9, 9))
    members[2, 0, 3, 3] = NAN
    with pytest.raises(FramesError, match="a pixel that `valid` names"):
        RankHistogram().sums(*case(members, rain(2, (9, 9)), np.ones((9, 9), bool)))


@pytest.fixture(scope="module")
def untied():
    rng = np.random.default_rng(0)
    return rng.gamma(0.5, size=(9, 30, 31)).astype(np.float32), rng.gamma(0.6, size=(30, 31)).astype(np.float32)


def test_equals_xskillscore_where_nothing_ties(untied):
    xskillscore = pytest.importorskip("xskillscore", reason="xskillscore is not installed")
    members, observed = untied
    forecast, seen, _ = case(members[:, np.newaxis], observed)
    theirs = xskillscore.rank_histogram(seen, forecast.drop_vars("time"), member_dim="member")
    np.testing.assert_allclose(of(members, observed)["frequency"][:10], theirs / theirs.sum())


@pytest.mark.filterwarnings("ignore:Encountered a NaN:UserWarning")
@pytest.mark.parametrize("dry", [True, False])
def test_equals_scores_where_many_tie(dry):
    probability = pytest.importorskip("scores.probability", reason="scores is not installed")
    members, observed = rain(1, (9, 30, 31), wet=0.3), rain(2, (30, 31), wet=0.3)
    forecast, seen, _ = case(members[:, np.newaxis], observed)
    said = forecast.drop_vars("time")
    wet = (seen > 0) | (said > 0).any("member")
    theirs = probability.rank_histogram(said if dry else said.where(wet), seen, "member")
    np.testing.assert_allclose(of(members, observed, score=RankHistogram(dry=dry))["frequency"][:10], theirs)


def test_equals_pysteps_where_nothing_ties(untied):
    from contextlib import redirect_stdout
    from io import StringIO

    with redirect_stdout(StringIO()):
        ensscores = pytest.importorskip("pysteps.verification.ensscores", reason="pysteps is not installed")
    members, observed = untied
    theirs = ensscores.rankhist(members, observed, normalize=True)
    np.testing.assert_allclose(of(members, observed)["frequency"][:10], theirs)
