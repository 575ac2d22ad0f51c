"""Products of ensembles: tiny cases worked by hand, what must hold for any ensemble, and files that keep it."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import ArrayLike

from stormcell.errors import FramesError
from stormcell.frames import make_forecast, make_frames
from stormcell.grid import Grid
from stormcell.products.ensemble.dataset import ensemble_products
from stormcell.products.ensemble.matched_mean import probability_matched_mean
from stormcell.products.ensemble.mean import ensemble_mean
from stormcell.products.ensemble.neighbourhood import Disk, neighbourhood_maximum_probability, neighbourhood_probability
from stormcell.products.ensemble.onset import FLAGS, rain_onset
from stormcell.products.ensemble.probability import exceedance_probability
from stormcell.products.ensemble.quantiles import rain_quantiles
from stormcell.products.netcdf import read_forecast, write_netcdf, write_products

from .conftest import GRIDS, make_fields

NAN = np.nan
ALL = {
    "probability": (1.0, 5.0, 10.0),
    "neighbourhood_km": 2.0,
    "quantiles": (0.1, 0.5, 0.9),
    "mean": True,
    "matched_mean": True,
    "onset": 0.1,
}


def ensemble(values: ArrayLike, *, last_scan: ArrayLike = 0.0) -> tuple[xr.DataArray, xr.DataArray]:
    """Past and forecast on 1 km pixels, a lead time every 5 minutes, from (member, lead_time, y, x)."""
    rain = np.asarray(values, np.float32)
    grid = Grid.from_edges(3035, west=4e6, north=3e6, pixel=(1000, 1000), shape=rain.shape[2:])
    times = np.datetime64("2015-05-15T16:20") + np.arange(2) * np.timedelta64(5, "m")
    past = make_frames(np.stack([np.broadcast_to(np.float32(last_scan), grid.shape)] * 2), times, grid)
    return past, make_forecast(rain, past, np.arange(1, rain.shape[1] + 1) * np.timedelta64(5, "m"), method="steps")


def one_lead(members: ArrayLike) -> xr.DataArray:
    """A forecast of one lead time and one row, from (member, x)."""
    return ensemble(np.asarray(members)[:, np.newaxis, np.newaxis])[1]


def one_pixel(members: ArrayLike) -> xr.DataArray:
    """A forecast of one pixel, from (member, lead_time)."""
    return ensemble(np.asarray(members)[..., np.newaxis, np.newaxis])[1]


MEMBERS = [[0, 1, 2, NAN, NAN, NAN], [0, 2, 2, 4, NAN, NAN], [0, 0, 2, 8, 8, NAN], [0, 0, 2, 0, NAN, NAN]]
"""Dry, some rain, rain in all, three of four known, one of four known, none known."""


def test_probabilities_by_hand() -> None:
    found = exceedance_probability(one_lead(MEMBERS), (1, 2, 5))
    assert found.dims == ("threshold", "lead_time", "y", "x") and found.dtype == np.float32 and found.attrs["units"] == "1"
    third = np.float32(1 / 3)
    expected = [[0, 0.5, 1, 2 * third, NAN, NAN], [0, 0.25, 1, 2 * third, NAN, NAN], [0, 0, 0, third, NAN, NAN]]
    np.testing.assert_allclose(found.values[:, 0, 0], expected, rtol=1e-7)
    assert found.sel(threshold=5.0).values[0, 0, 0] == 0.0, "dry is exactly 0"


def test_half_of_the_members_are_enough() -> None:
    found = exceedance_probability(one_lead([[3, 3], [NAN, NAN], [0, NAN], [NAN, NAN]]), [1])
    np.testing.assert_array_equal(found.values.ravel(), [0.5, NAN])


def test_a_threshold_is_reached_at_itself() -> None:
    assert exceedance_probability(one_lead([[0.1]]), [0.1]).item() == 1.0


def test_means_by_hand() -> None:
    np.testing.assert_allclose(ensemble_mean(one_lead(MEMBERS)).values[0, 0], [0, 0.75, 2, 4, NAN, NAN])


def test_quantiles_by_hand() -> None:
    found = rain_quantiles(one_lead(MEMBERS), (0, 0.5, 0.9, 1)).values[:, 0, 0]
    np.testing.assert_allclose(found[0], [0, 0, 2, 0, NAN, NAN])
    np.testing.assert_allclose(found[1], [0, 0.5, 2, 4, NAN, NAN])
    np.testing.assert_allclose(found[2], [0, 1.7, 2, 7.2, NAN, NAN], rtol=1e-6)
    np.testing.assert_allclose(found[3], [0, 2, 2, 8, NAN, NAN])


def test_the_matched_mean_by_hand() -> None:
    """Means are 1, 2, 3, 0. Pooled, by twos: 0 0 | 0 1 | 1 3 | 3 4, and of each pair the upper one is kept: 0, 1, 3, 4."""
    found = probability_matched_mean(one_lead([[1, 1, 3, 0], [1, 3, 3, 0]])).values[0, 0]
    np.testing.assert_array_equal(found, [1, 3, 3, 0])
    found = probability_matched_mean(one_lead([[0, 1, 3, 0], [1, 0, 4, 0]])).values[0, 0]
    np.testing.assert_array_equal(found, [0, 1, 4, 0])


def test_the_matched_mean_never_wets_a_dry_pixel_nor_fills_a_missing_one() -> None:
    """All members dry in the first pixel, but most values that remain are wet: those missing were dry."""
    found = probability_matched_mean(one_lead([[0, 5, 7, NAN], [NAN, 6, 8, NAN]])).values[0, 0]
    assert found[0] == 0 and np.isnan(found[3]) and found[2] > found[1] > 0


def test_neighbourhoods_by_hand() -> None:
    forecast = one_lead([[0, 0, 5, 0, 0, NAN], [0, 0, 0, 0, 0, 0]])
    mean = neighbourhood_probability(forecast, [1], radius_km=1).values.ravel()
    np.testing.assert_allclose(mean, [0, 1 / 6, 1 / 6, 1 / 6, 0, 0])
    near = neighbourhood_maximum_probability(forecast, [1], radius_km=1).values.ravel()
    np.testing.assert_array_equal(near, [0, 0.5, 0.5, 0.5, 0, 0])
    for product in (neighbourhood_probability, neighbourhood_maximum_probability):
        np.testing.assert_array_equal(product(forecast, [1], radius_km=0.4), exceedance_probability(forecast, [1]))


@pytest.mark.parametrize("radius", [0, 1, 1.5, 2.9, 6.2, 40])
@pytest.mark.parametrize("pixel", [(1000, 1000), (500, 2000)], ids=str)
def test_a_disk_is_what_counting_pixel_by_pixel_gives(radius: float, pixel: tuple[int, int]) -> None:
    grid = Grid.from_edges(3035, west=0, north=0, pixel=pixel, shape=(9, 14))
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 9, grid.shape).astype(np.uint16)
    event = rng.random(grid.shape) < 0.04
    x, y = np.meshgrid(grid.x / 1000, grid.y / 1000)
    near = np.hypot(x[..., np.newaxis, np.newaxis] - x, y[..., np.newaxis, np.newaxis] - y) <= radius
    disk = Disk.on(grid, radius)
    np.testing.assert_array_equal(disk.total(counts), (near * counts).sum(axis=(2, 3)))
    np.testing.assert_array_equal(disk.touches(event), (near & event).any(axis=(2, 3)))


def test_a_disk_is_round_on_the_ground() -> None:
    assert Disk.on(GRIDS["mrms"], 5.0).reach[0] == 5, "0.85 km wide at 40 north"
    assert len(Disk.on(GRIDS["mrms"], 5.0).reach) == 5, "1.11 km high"
    kilometres = Grid.from_edges("+proj=laea +lat_0=55 +lon_0=10 +units=km", west=0, north=0, pixel=(2, 2), shape=(20, 20))
    assert Disk.on(kilometres, 4.0).reach == (2, 1, 0)


KNOWN, LATER, UNKNOWN = FLAGS["within_forecast"], FLAGS["not_within_forecast"], FLAGS["not_known"]


@pytest.mark.parametrize(
    ("members", "now", "start", "end"),
    [
        ([[0, 0, 0]], 0, (NAN, LATER), (NAN, LATER)),
        ([[0, 2, 0]], 0, (10, KNOWN), (15, KNOWN)),
        ([[0, 2, 2]], 0, (10, KNOWN), (NAN, LATER)),
        ([[2, 0, 2]], 0, (5, KNOWN), (10, KNOWN)),
        ([[2, 2, 0]], 3, (0, KNOWN), (15, KNOWN)),
        ([[0, 0, 0]], 3, (0, KNOWN), (5, KNOWN)),
        ([[0, 2, 0]], NAN, (10, KNOWN), (15, KNOWN)),
        ([[0, NAN, 2]], 0, (NAN, UNKNOWN), (NAN, UNKNOWN)),
        ([[2, NAN, 0]], 0, (5, KNOWN), (NAN, UNKNOWN)),
        ([[0, 0, NAN]], 0, (NAN, UNKNOWN), (NAN, UNKNOWN)),
        ([[NAN, NAN, NAN]], 0, (NAN, UNKNOWN), (NAN, UNKNOWN)),
        ([[2, 0, NAN]], 0, (5, KNOWN), (10, KNOWN)),
        ([[2, 2, 0], [0, 0, 0]], 0, (5, KNOWN), (15, KNOWN)),
        ([[2, 0, 0], [0, 0, 0], [0, 2, 0]], 0, (NAN, LATER), (NAN, LATER)),
    ],
    ids=str,
)
def test_start_and_end_by_hand(members: list[list[float]], now: float, start: tuple[float, int], end: tuple[float, int]) -> None:
    past, forecast = ensemble(np.array(members)[..., np.newaxis, np.newaxis], last_scan=now)
    found = rain_onset(forecast, threshold=0.5, past=past)
    np.testing.assert_array_equal([found["rain_start"].item(), found["rain_start_flag"].item()], start)
    np.testing.assert_array_equal([found["rain_end"].item(), found["rain_end_flag"].item()], end)


def test_start_and_end_of_each_member() -> None:
    """Starts at 5, 10, 15 and never; ends at 10, 15, never and never: the members do not agree on any minute."""
    found = rain_onset(one_pixel([[2, 0, 0], [0, 2, 0], [0, 0, 2], [0, 0, 0]]), quantiles=(0, 0.25, 0.5, 0.75, 1))
    assert np.isnan(found["rain_start"].item())
    np.testing.assert_array_equal(found["rain_start_quantile"].values.ravel(), [5, 5, 10, 15, NAN])
    np.testing.assert_array_equal(found["rain_start_quantile_flag"].values.ravel(), [1, 1, 1, 1, LATER])
    np.testing.assert_array_equal(found["rain_end_quantile"].values.ravel(), [10, 10, 15, NAN, NAN])


def test_a_member_that_was_lost_says_nothing_after() -> None:
    found = rain_onset(one_pixel([[NAN, 2, 2], [0, 0, 2]]), quantiles=(0.5,))
    assert found["rain_start_quantile"].item() == 15, "of the member that is known"
    found = rain_onset(one_pixel([[NAN, 2, 2], [NAN, 2, 2], [0, 0, 2]]), quantiles=(0.5,))
    assert np.isnan(found["rain_start_quantile"].item()) and found["rain_start_quantile_flag"].item() == UNKNOWN


def test_work_in_strips_of_rows_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rain = np.random.default_rng(1).gamma(0.3, 2.0, (5, 4, 13, 7)).astype(np.float32)
    rain[:, :, 3, :2] = NAN
    past, forecast = ensemble(rain, last_scan=0.0)
    whole = ensemble_products(forecast, past=past, **ALL)
    monkeypatch.setattr("stormcell.products.ensemble.onset._ROOM", 200)
    monkeypatch.setattr("stormcell.products.ensemble.quantiles._BLOCK", 5)
    xr.testing.assert_identical(ensemble_products(forecast, past=past, **ALL), whole)


rain_rates = st.one_of(st.just(0.0), st.just(NAN), st.floats(0.0, 200.0, width=32))
ensembles = arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 4), st.integers(1, 5)), elements=rain_rates)


@settings(max_examples=60, deadline=None)
@given(ensembles)
def test_what_holds_for_any_ensemble(rain: np.ndarray) -> None:
    past, forecast = ensemble(rain)
    before = forecast.copy(deep=True)
    found = ensemble_products(forecast, past=past, **ALL)
    xr.testing.assert_identical(forecast, before)
    known = 2 * (~np.isnan(rain)).sum(axis=0) >= len(rain)
    probabilities = [found[name].values for name in ("probability", "neighbourhood_probability", "neighbourhood_maximum_probability")]
    for field in probabilities:
        assert (np.isnan(field) == ~known).all(), "NaN where fewer than half know, and only there"
        assert ((field >= 0) & (field <= 1))[:, known].all()
        assert (np.diff(field, axis=0) <= 0)[:, known].all(), "never rises with the threshold"
    assert (probabilities[2] >= probabilities[0])[:, known].all()
    quantiles = found["rainfall_rate_quantile"].values
    assert (np.diff(quantiles, axis=0) >= 0)[:, known].all() and (np.isnan(quantiles) == ~known).all()
    for pixel in np.argwhere(known):
        trusted = np.nanquantile(rain[:, *pixel], ALL["quantiles"])
        np.testing.assert_allclose(quantiles[:, *pixel], trusted, rtol=1e-5, atol=1e-6)
    dry = known & (np.where(np.isnan(rain), 0, rain) == 0).all(axis=0)
    for name in ("rainfall_rate_quantile", "ensemble_mean", "probability_matched_mean", "probability"):
        assert (found[name].values[..., dry] == 0).all(), "dry stays exactly dry"
    for name in ("rain_start", "rain_end", "rain_start_quantile", "rain_end_quantile"):
        assert (np.isfinite(found[name]) == (found[f"{name}_flag"] == KNOWN)).all()
    both = np.isfinite(found["rain_end"].values)
    assert (found["rain_end"].values > found["rain_start"].values)[both].all()


whole = arrays(
    np.float32, st.tuples(st.integers(1, 5), st.just(1), st.integers(1, 4), st.integers(1, 5)), elements=st.floats(0, 200, width=32)
)


@settings(max_examples=60, deadline=None)
@given(whole)
def test_the_matched_mean_keeps_the_pooled_distribution_and_the_order_of_the_mean(rain: np.ndarray) -> None:
    _, forecast = ensemble(rain)
    matched, mean = probability_matched_mean(forecast).values.ravel(), ensemble_mean(forecast).values.ravel()
    members = len(rain)
    kept = np.sort(rain, axis=None)[members // 2 :: members]
    np.testing.assert_array_equal(np.sort(matched), np.where(np.sort(mean) > 0, kept, 0))
    order = np.lexsort((matched, mean))
    assert (np.diff(matched[order]) >= 0).all()


def test_one_member_gives_itself(swiss: Grid) -> None:
    past, forecast = make_fields(swiss)
    found = ensemble_products(forecast, past=past, **ALL)
    for name in ("ensemble_mean", "probability_matched_mean"):
        np.testing.assert_array_equal(found[name].values, forecast.values[0])
    np.testing.assert_array_equal(found["rainfall_rate_quantile"].sel(quantile=0.9).values, forecast.values[0])


def test_nothing_known_and_nothing_wet(swiss: Grid) -> None:
    past, forecast = make_fields(swiss, members=3)
    forecast.values[:] = NAN
    assert all(np.isnan(field.values).all() for field in ensemble_products(forecast, **ALL).values() if field.dtype.kind == "f")
    forecast.values[:] = 0.0
    found = ensemble_products(forecast, **ALL)
    assert not any(field.values.any() for name, field in found.items() if not str(name).startswith("rain_"))
    assert (found["rain_start_flag"].values == LATER).all()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"probability": (0.0, 1.0)}, "rising thresholds above 0"),
        ({"probability": (2.0, 1.0)}, "rising thresholds above 0"),
        ({"probability": (NAN,)}, "rising thresholds above 0"),
        ({"quantiles": (0.5, 1.1)}, "from 0 to 1"),
        ({"quantiles": (0.5, 0.5)}, "rising levels"),
        ({"quantiles": (NAN,)}, "rising levels"),
        ({"neighbourhood_km": 5.0}, "thresholds of probability too"),
        ({"neighbourhood_km": -1.0, "probability": (1.0,)}, "radius of 0 km or more"),
        ({"neighbourhood_km": NAN, "probability": (1.0,)}, "radius of 0 km or more"),
        ({"onset": 0.0}, "above 0"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object], says: str, swiss: Grid) -> None:
    _, forecast = make_fields(swiss, members=2)
    with pytest.raises(FramesError, match=says):
        ensemble_products(forecast, **wrong)  # type: ignore[arg-type]


def test_onset_wants_one_grid(swiss: Grid) -> None:
    past, _ = make_fields(swiss)
    _, forecast = make_fields(GRIDS["opera"])
    with pytest.raises(FramesError, match="one grid"):
        rain_onset(forecast, past=past)


def test_the_file_holds_members_and_products(grid: Grid, tmp_path: Path) -> None:
    past, forecast = make_fields(grid, members=4)
    products = ensemble_products(forecast, past=past, **ALL)
    write_netcdf(forecast, tmp_path / "all.nc", products=products)
    xr.testing.assert_identical(read_forecast(tmp_path / "all.nc"), forecast)
    with xr.open_dataset(tmp_path / "all.nc", engine="h5netcdf", decode_timedelta=False) as again:
        for name, product in products.items():
            np.testing.assert_array_equal(again[name].values, product.values, err_msg=str(name))
        assert again["probability"].sel(threshold=5.0).dims == ("lead_time", "y", "x")
        assert again["threshold"].attrs["units"] == "mm h-1" and again["threshold"].attrs["standard_name"] == "rainfall_rate"
    with h5py.File(tmp_path / "all.nc") as file:  # as stored, before any decoding
        assert np.isnan(file["rain_start"].attrs["_FillValue"]).all() and "_FillValue" not in file["rain_start_flag"].attrs
        assert file["rain_start"].attrs["ancillary_variables"] == "rain_start_flag"
        assert file["rain_start_flag"].attrs["flag_meanings"] == "not_known within_forecast not_within_forecast"
        assert file["rain_start_flag"].attrs["flag_values"].tolist() == [0, 1, 2]


@pytest.mark.skipif(find_spec("compliance_checker") is None, reason="compliance-checker is not installed")
def test_the_cf_checker_finds_nothing(tmp_path: Path) -> None:
    paths = []
    for name, grid in GRIDS.items():
        past, forecast = make_fields(grid, members=2)
        products = ensemble_products(forecast, past=past, **ALL)
        paths += [tmp_path / f"{name}_all.nc", tmp_path / f"{name}_products.nc"]
        write_netcdf(forecast, paths[-2], products=products)
        write_products(products, paths[-1])
    command = [sys.executable, "-W", "ignore", str(Path(sys.executable).with_name("compliance-checker"))]
    report = subprocess.run([*command, "--test=cf:1.11", *map(str, paths)], capture_output=True, text=True, check=False)
    assert report.stdout.count("All tests passed!") == len(paths), report.stdout + report.stderr


def test_no_product_no_file(tmp_path: Path) -> None:
    with pytest.raises(FramesError, match="at least one"):
        write_products(xr.Dataset(), tmp_path / "empty.nc")
    assert not list(tmp_path.iterdir())
