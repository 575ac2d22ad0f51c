"""What every method owes, whatever the weather."""

import numpy as np
import pytest
import xarray as xr

from stormcell.errors import MethodError, MissingExtraError
from stormcell.frames import check_forecast, grid_of
from stormcell.methods import METHODS, GuidedForecast, Learned, PystepsLinda, method_named
from stormcell.methods.shipped import shipped_models
from stormcell.timeline import minutes
from tests.conftest import frames_of

LEADS = minutes(5, 30, step=5)
QUICK = {"pysteps-linda": lambda: PystepsLinda(max_features=2)}  # each cell takes its second
GROWING = ("pysteps-anvil", "pysteps-linda", *shipped_models())


@pytest.fixture(params=METHODS)
def method(request):
    if request.param.startswith("pysteps"):
        pytest.importorskip("pysteps", reason="pysteps is not installed")
    return QUICK.get(request.param, METHODS[request.param])()


@pytest.fixture(scope="module")
def storm():
    from stormcell.data.synthetic import synthetic_storm

    return synthetic_storm(6, shape=(80, 80), seed=3)


def test_labels_and_bounds(method, storm):
    forecast = check_forecast(method(storm, LEADS, seed=1))
    assert forecast.dims == ("member", "lead_time", "y", "x") and forecast.sizes["member"] == 1
    assert (forecast["lead_time"].values == LEADS).all()
    assert (forecast["time"].values == storm["time"].values[-1] + LEADS).all()
    assert forecast["forecast_reference_time"].values == storm["time"].values[-1]
    assert grid_of(forecast).same_as(grid_of(storm)) and forecast.attrs["units"] == "mm h-1"
    assert forecast.attrs["method"] in METHODS
    known = forecast.values[np.isfinite(forecast.values)]
    assert known.size and known.min() >= 0 and known.max() <= float(storm.max()) * (2 if forecast.attrs["method"] in GROWING else 1 + 1e-5)
    assert "fallback" not in forecast.attrs


def test_the_past_is_not_changed(method, storm):
    before = storm.copy(deep=True)
    method(storm, LEADS)
    xr.testing.assert_identical(storm, before)


def test_same_past_and_seed_same_forecast(method, storm):
    xr.testing.assert_identical(method(storm, LEADS, seed=1), method(storm, LEADS, seed=1))


def test_dry_stays_dry(method):
    forecast = method(frames_of(np.zeros((4, 40, 50))), LEADS)
    assert (forecast.values == 0).all()


def test_a_field_of_one_value_is_answered(method):
    forecast = method(frames_of(np.full((4, 40, 50), 2.0)), LEADS)
    if isinstance(method, Learned | GuidedForecast):  # they have seen no such field
        assert 0 <= np.nanmin(forecast.values) <= np.nanmax(forecast.values) <= 4.0
        return
    assert np.nanmax(forecast.values) == pytest.approx(2.0)


def test_one_wet_pixel_is_answered(method):
    past = np.zeros((4, 40, 50))
    past[:, 20, 20] = 5.0
    forecast = check_forecast(method(frames_of(past), LEADS))
    assert np.isfinite(forecast.values).any() and np.nanmax(forecast.values) <= (
        10.0 if isinstance(method, Learned | GuidedForecast) else 5.0 + 1e-5
    )


def test_rain_everywhere_is_answered(method, storm):
    past = storm.fillna(0.0) + np.float32(0.5)
    forecast = check_forecast(method(past.assign_attrs(storm.attrs), LEADS, seed=1))
    assert np.isfinite(forecast.values[0, 0]).mean() > 0.7 and np.nanmin(forecast.values[0, 0]) >= 0


def test_where_the_radar_never_saw_stays_unknown_or_is_carried_along(method, storm):
    holed = storm.copy(deep=True)
    holed.values[:, 30:55, 30:55] = np.nan
    forecast = method(holed, LEADS, seed=1)
    assert np.isnan(forecast.values[0, 0, 38:47, 38:47]).all(), "nothing may be invented in a hole"


def test_half_of_the_grid_unseen(method, storm):
    half = storm.copy(deep=True)
    half.values[:, :, :40] = np.nan
    forecast = check_forecast(method(half, LEADS, seed=1))
    assert np.isnan(forecast.values[0, 0, :, :30]).all() and np.isfinite(forecast.values[0, 0, :, 50:]).any()


def test_members_are_made_or_refused(method, storm):
    """Members differ from each other, the same seed gives the same ones, and another seed gives others."""
    try:
        forecast = check_forecast(method(storm, LEADS, members=3, seed=1))
    except MethodError as error:
        assert "deterministic: expected members=1, got 3" in str(error)
        return
    assert forecast.sizes["member"] == 3
    first, second = forecast.values[:2]
    assert (first != second)[np.isfinite(first) & np.isfinite(second)].any()
    xr.testing.assert_identical(forecast, method(storm, LEADS, members=3, seed=1))
    assert not forecast.equals(method(storm, LEADS, members=3, seed=2))


@pytest.mark.parametrize("members", [0, -1])
def test_no_members_are_refused(method, storm, members):
    with pytest.raises(MethodError, match=f"got {members}"):
        method(storm, LEADS, members=members)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "persistence"])
def test_one_scan_among_missing_ones_is_too_few(name):
    """Nothing moves between a scan and none: to call that advection would be persistence under another name."""
    past = np.full((4, 20, 20), np.nan)
    past[3] = 1.0
    if name.startswith("pysteps"):
        pytest.importorskip("pysteps", reason="pysteps is not installed")
    with pytest.raises(MethodError, match="only between two scans or more, but 1 of 4 time steps up to 2024-07-01T12:15"):
        method_named(name)(frames_of(past), LEADS)


def test_lead_times_must_be_lead_times(storm):
    from stormcell.methods.nowcast import nowcast

    for wrong in (np.array([5, 10]), np.timedelta64(5, "m"), minutes(0, 5, step=5), minutes(5, 10, step=5)[::-1], LEADS[:0]):
        with pytest.raises(MethodError, match="rising timedelta64"):
            nowcast(storm, lead=wrong)


def test_a_seed_is_0_or_more(storm):
    from stormcell.methods.nowcast import nowcast

    with pytest.raises(MethodError, match="seed: expected a whole number of 0 or more, got -1"):
        nowcast(storm, method="steps", seed=-1)


def test_all_frames_missing(method):
    with pytest.raises(MethodError, match="missing scans"):
        method(frames_of(np.full((4, 20, 20), np.nan)), LEADS)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
@pytest.mark.parametrize("name", ["persistence", "advection", "rover", "rover-linear"])
def test_tiny_grids(name, shape):
    check_forecast(method_named(name)(frames_of(np.ones((4, *shape))), LEADS))


@pytest.mark.parametrize("name", ["advection", "rover"])
def test_motion_needs_two_scans(name):
    with pytest.raises(MethodError, match="two scans"):
        method_named(name)(frames_of(np.ones((1, 20, 20))), LEADS)


def test_unknown_method():
    with pytest.raises(MethodError, match="unknown method 'magic': expected one of persistence, advection"):
        method_named("magic")


def test_pysteps_says_how_to_get_it(monkeypatch, storm):
    monkeypatch.setitem(__import__("sys").modules, "pysteps", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'stormcell\[pysteps\]'"):
        method_named("pysteps-extrapolation")(storm, LEADS)
