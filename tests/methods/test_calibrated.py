"""The wrapper owes what every method owes, and says what its calibration says."""

from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

from stormcell.errors import MethodError, ReadError
from stormcell.frames import check_forecast, grid_of, make_forecast
from stormcell.methods import Learned, Persistence
from stormcell.methods.calibrated import Calibrated, calibrated_named, calibrated_probabilities, identity_of
from stormcell.methods.calibration import Calibration, ProbabilityMaps, RainRateMaps
from stormcell.methods.calibration_file import write_calibration
from stormcell.timeline import minutes
from stormcell.verification import Brier
from tests.conftest import frames_of
from tests.methods.tiny_models import save_tiny
from tests.verification.cases import rain

LEADS = minutes(5, 15, step=5)
NODES = tuple(np.linspace(0, 1, 6))


@dataclass(frozen=True)
class Wobbly:
    """An ensemble that costs nothing: the last frame, stronger or weaker in each member, and rolled."""

    past_steps: int = 2

    def __call__(self, past: xr.DataArray, lead_times: np.ndarray, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        rng = np.random.default_rng(seed)
        fields = [
            [np.roll(past.values[-1], rng.integers(-3, 4, 2), axis=(0, 1)) * np.float32(rng.uniform(0.5, 1.5)) for _ in lead_times]
            for _ in range(members)
        ]
        return make_forecast(np.array(fields, np.float32), past, lead_times, method="wobbly")


def of_probabilities(values, thresholds=(0.5, 2.0)) -> Calibration:
    maps = ProbabilityMaps(thresholds, NODES, ((values,) * len(thresholds),) * 3)
    return Calibration("wobbly", "isotonic", 5, (5.0, 10.0, 15.0), maps, 9)


SQUARED = of_probabilities(tuple(node**2 for node in NODES))
SAME = of_probabilities(NODES)
UNLEARNT = of_probabilities(None)
DOUBLED = Calibration("wobbly", "quantile", 1, (5.0, 10.0, 15.0), RainRateMaps((1.0, 10.0), ((2.0, 20.0),) * 3), 9)
FLOODED = of_probabilities((0.2, 0.4, 0.6, 0.8, 1.0, 1.0))


@pytest.fixture
def past() -> xr.DataArray:
    return frames_of(rain(3, (3, 40, 50)))


@pytest.mark.parametrize(
    "calibration", [SQUARED, SAME, UNLEARNT, DOUBLED, FLOODED], ids=["squared", "same", "unlearnt", "doubled", "flooded"]
)
def test_the_contract_of_methods(calibration, past):
    method = Calibrated(Wobbly(), calibration)
    before = past.copy(deep=True)
    forecast = check_forecast(method(past, LEADS, members=5, seed=1))
    xr.testing.assert_identical(past, before)
    xr.testing.assert_identical(forecast, method(past, LEADS, members=5, seed=1))
    plain = Wobbly()(past, LEADS, members=5, seed=1)
    assert forecast.sizes == plain.sizes and grid_of(forecast).same_as(grid_of(past)) and method.past_steps == 2
    assert (forecast["lead_time"].values == LEADS).all() and forecast.attrs["method"] == "wobbly"
    assert forecast.attrs["calibration"] == f"{calibration.kind}, from 9 cases, {calibration.fingerprint}"
    hole = past.copy()
    hole.values[:, :20, :20] = np.nan
    assert np.array_equal(np.isnan(method(hole, LEADS, members=5, seed=1)), np.isnan(Wobbly()(hole, LEADS, members=5, seed=1)))


@pytest.mark.parametrize("calibration", [SAME, UNLEARNT])
def test_what_is_calibrated_already_stays(calibration, past):
    plain = Wobbly()(past, LEADS, members=5, seed=1)
    np.testing.assert_array_equal(Calibrated(Wobbly(), calibration)(past, LEADS, members=5, seed=1).values, plain.values)


@pytest.mark.parametrize("calibration", [SQUARED, SAME, DOUBLED])
def test_dry_stays_dry(calibration):
    assert (Calibrated(Wobbly(), calibration)(frames_of(np.zeros((3, 20, 30))), LEADS, members=5).values == 0).all()


def test_probabilities_are_those_that_members_can_say(past):
    plain = Wobbly()(past, LEADS, members=5, seed=1)
    exact = calibrated_probabilities(plain, SQUARED)
    assert exact.dims == ("lead_time", "threshold", "y", "x") and exact["threshold"].values.tolist() == [0.5, 2.0]
    share = (plain >= xr.DataArray(np.array([0.5, 2.0], np.float32), dims="threshold")).mean("member")
    np.testing.assert_allclose(exact.values, share.transpose(*exact.dims).values ** 2, atol=1e-6)
    forecast = Calibrated(Wobbly(), SQUARED)(past, LEADS, members=5, seed=1)
    said = (forecast >= xr.DataArray(np.array([0.5, 2.0], np.float32), dims="threshold")).mean("member").transpose(*exact.dims)
    off = said.values - exact.values
    assert abs(off).max() < 0.2 and abs(off.mean()) < 0.01, "the next above or below, and right on the whole"


def test_a_higher_threshold_is_never_likelier(past):
    rising = ProbabilityMaps((0.5, 2.0), (0.0, 1.0), (((0.0, 0.3), (0.0, 1.0)),) * 3)
    calibration = Calibration("wobbly", "isotonic", 5, (5.0, 10.0, 15.0), rising, 9)
    exact = calibrated_probabilities(Wobbly()(past, LEADS, members=5, seed=1), calibration)
    assert (exact.sel(threshold=2.0) <= exact.sel(threshold=0.5)).all() and float(exact.max()) == pytest.approx(0.3)
    check_forecast(Calibrated(Wobbly(), calibration)(past, LEADS, members=5, seed=1))


def test_rain_too_rare_for_one_member_is_kept_in_some_places(past):
    """Of 5 members one reaches 0.5 mm/h, which happens in 1 of 25: a fifth of the places keep it."""
    rare = of_probabilities((0.0, 0.04, 0.08, 0.12, 0.16, 0.2), (0.5,))
    field = np.zeros((5, 300, 300), np.float32)
    field[3] = 2.0
    now = frames_of(np.zeros((2, 300, 300)))

    def method(past, lead_times, *, members=1, seed=None):
        return make_forecast(np.repeat(field[:, None], 3, axis=1), past, lead_times, method="one")

    method.past_steps = 2
    forecast = Calibrated(method, rare)(now, LEADS, members=5, seed=3).values
    kept = forecast[3, 0] >= 0.5
    assert 0.16 < kept.mean() < 0.24 and (forecast[[0, 1, 2, 4]] < 0.5).all()
    assert (kept[:, 1:] == kept[:, :-1]).mean() > 0.9, "in patches, not in specks"


def test_an_overforecast_is_mended(past):
    """Where the ensemble says that it rains and it does so half as often, calibrated members score better."""
    half = Calibration("wobbly", "isotonic", 4, (5.0, 10.0, 15.0), ProbabilityMaps((0.5,), (0.0, 1.0), (((0.0, 0.5),),) * 3), 9)
    now = xr.zeros_like(past) + np.float32(1)
    now.attrs.update(past.attrs)
    plain, mended = (method(now, LEADS, members=4, seed=0) for method in (Wobbly(), Calibrated(Wobbly(), half)))
    observed = now.rename(time="lead_time").assign_coords(lead_time=LEADS).copy(deep=True)
    observed.values[:, ::2] = 0
    score = Brier((0.5,))
    valid = xr.ones_like(observed, bool)
    before, after = (float(score.value(score.sums(one, observed, valid))["brier"].mean()) for one in (plain, mended))
    assert before > 0.45 and after == pytest.approx(0.25)


def test_what_cannot_be_calibrated(past):
    with pytest.raises(MethodError, match="ask for --members 5"):
        Calibrated(Wobbly(), SQUARED)(past, LEADS)
    with pytest.raises(MethodError, match="reaches to 15 min"):
        Calibrated(Wobbly(), SQUARED)(past, minutes(5, 20, step=5), members=5)
    with pytest.raises(MethodError, match="deterministic"):
        Calibrated(Persistence(), DOUBLED)(past, LEADS, members=3)
    with pytest.raises(MethodError, match="is of rain rates"):
        calibrated_probabilities(Wobbly()(past, LEADS, members=5), DOUBLED)


def test_quantile_maps_are_for_single_fields_too(past):
    forecast = Calibrated(Persistence(), DOUBLED)(past, LEADS)
    np.testing.assert_allclose(forecast.values, 2 * Persistence()(past, LEADS).values, rtol=1e-6)


def test_a_trained_model_is_known_by_its_weights(tmp_path):
    folder = save_tiny(tmp_path / "one")
    name = identity_of(str(folder))
    (tmp_path / "one").rename(tmp_path / "two")
    assert name.startswith("model ") and identity_of(str(tmp_path / "two")) == name
    assert identity_of(str(save_tiny(tmp_path / "three", bias=0.2))) != name and identity_of("steps") == "steps"


def test_a_calibration_beside_a_checkpoint(tmp_path):
    folder = save_tiny(tmp_path / "one")
    write_calibration(Calibration(identity_of(str(folder)), "quantile", 1, (5.0, 10.0, 15.0), DOUBLED.maps, 9), folder)
    assert isinstance(calibrated_named(str(folder), folder).method, Learned)


def test_by_name(tmp_path, past):
    calibration = Calibration("persistence", "quantile", 1, (5.0, 10.0, 15.0), DOUBLED.maps, 9)
    write_calibration(calibration, tmp_path)
    method = calibrated_named("persistence", tmp_path)
    assert isinstance(method.method, Persistence) and method.calibration == calibration
    with pytest.raises(MethodError, match="is the calibration of persistence, not of advection; calibrate advection first"):
        calibrated_named("advection", tmp_path)
    with pytest.raises(MethodError, match="unknown method"):
        calibrated_named("magic", tmp_path)
    with pytest.raises(ReadError, match="expected a folder with calibration.json"):
        calibrated_named("persistence", tmp_path / "absent")
