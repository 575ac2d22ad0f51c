"""The adapter gives what pysteps gives by hand, says where it does not, and leaves no trace in the process."""

import sys
import threading
import warnings

import dask
import numpy as np
import pytest
import xarray as xr

pytest.importorskip("pysteps", reason="pysteps is not installed")

from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import MethodError, MissingExtraError
from stormcell.frames import make_frames
from stormcell.grid import Grid
from stormcell.methods import PystepsAnvil, PystepsExtrapolation, PystepsLinda, PystepsSprog, PystepsSteps
from stormcell.methods.pysteps.session import pysteps_at_work
from stormcell.timeline import minutes
from tests.conftest import frames_of, stamps

LEADS = minutes(5, 20, step=5)
LEVELS = 5  # what a grid of 64 pixels has room for
MODELS = {
    "extrapolation": PystepsExtrapolation(),
    "sprog": PystepsSprog(),
    "anvil": PystepsAnvil(),
    "linda": PystepsLinda(max_features=2),
    "steps": PystepsSteps(),
}
LEARNING = [name for name in MODELS if name != "extrapolation"]


@pytest.fixture(scope="module")
def storm() -> xr.DataArray:
    return synthetic_storm(6, shape=(64, 64), seed=3)


def by_hand(name: str, past: xr.DataArray, **options) -> np.ndarray:
    """The forecast as a user of pysteps alone would make it, after its documentation: (lead_time, y, x) or (member, lead_time, y, x)."""
    with pysteps_at_work("by hand") as pysteps:
        from pysteps.utils.transformation import dB_transform

        rain_rate = past.values.astype(float)
        dbr, _ = dB_transform(rain_rate.copy(), threshold=0.1, zerovalue=-15.0)
        filled = np.where(np.isnan(dbr), -15.0, dbr)
        motion = pysteps.motion.get_method("LK")(filled[-4:])
        forecast = pysteps.nowcasts.get_method(name)
        if name == "extrapolation":
            return forecast(rain_rate[-1], motion, 4)
        if name == "anvil":
            return _from_threshold(forecast(rain_rate[-4:], motion, 4, n_cascade_levels=LEVELS))
        if name == "linda":
            return _from_threshold(forecast(rain_rate[-3:], motion, 4, max_num_features=2, **options))
        made = forecast(dbr[-3:], motion, 4, precip_thr=-10.0, n_cascade_levels=LEVELS, **options)
        return dB_transform(made, threshold=-10.0, zerovalue=0.0, inverse=True)[0]


def _from_threshold(rain_rate: np.ndarray) -> np.ndarray:
    return np.where(rain_rate < 0.1, 0.0, rain_rate)


@pytest.mark.parametrize("name", ["extrapolation", "sprog", "anvil"])
def test_the_same_as_by_hand(storm, name):
    forecast = MODELS[name](storm, LEADS)
    np.testing.assert_allclose(forecast.values[0], by_hand(name, storm), rtol=1e-5, atol=1e-4)
    assert "fallback" not in forecast.attrs and forecast.attrs["method"] == f"pysteps-{name}"


def test_linda_with_one_member_is_deterministic(storm):
    forecast = MODELS["linda"](storm, LEADS)
    np.testing.assert_allclose(forecast.values[0], by_hand("linda", storm, add_perturbations=False), rtol=1e-5, atol=1e-4)
    xr.testing.assert_identical(forecast, MODELS["linda"](storm, LEADS, seed=5))


@pytest.mark.parametrize("name", ["linda", "steps"])
def test_ensembles_are_the_same_as_by_hand(storm, name):
    forecast = MODELS[name](storm, LEADS, members=2, seed=7)
    theirs = by_hand(name, storm, n_ens_members=2, kmperpixel=1.0, timestep=5.0, seed=7)
    np.testing.assert_allclose(forecast.values, theirs, rtol=1e-4, atol=1e-3)


def test_step_and_pixel_size_reach_steps(storm):
    """They set the spread of the motion, and how fast the border of the rain widens."""
    grid = Grid.from_edges("EPSG:21781", west=600_000.0, north=200_000.0, pixel=(2000.0, 2000.0), shape=(64, 64))
    coarse = make_frames(storm.values, stamps(*range(0, 60, 10)), grid)
    forecast = MODELS["steps"](coarse, minutes(10, 40, step=10), seed=7)
    theirs = by_hand("steps", coarse, n_ens_members=1, kmperpixel=2.0, timestep=10.0, seed=7)
    np.testing.assert_allclose(forecast.values, theirs, rtol=1e-4, atol=1e-3)
    assert not np.array_equal(forecast.values, MODELS["steps"](storm, LEADS, seed=7).values)


def test_a_smaller_steps_ensemble_is_the_beginning_of_a_larger_one(storm):
    one, three = (MODELS["steps"](storm, LEADS, members=members, seed=7) for members in (1, 3))
    np.testing.assert_array_equal(one.values[0], three.values[0])


def test_without_a_seed_steps_is_different_every_time(storm):
    assert not MODELS["steps"](storm, LEADS).equals(MODELS["steps"](storm, LEADS))


@pytest.mark.parametrize("name", LEARNING)
def test_some_lead_times_are_the_same_as_in_all(storm, name):
    some, all_of_them = (MODELS[name](storm, leads, seed=1).values for leads in (LEADS[[1, 3]], LEADS))
    np.testing.assert_array_equal(some, all_of_them[:, [1, 3]])


@pytest.mark.parametrize("name", ["sprog", "anvil", "linda"])
def test_a_missing_last_scan_is_made_good(storm, name):
    gap = storm.copy(deep=True)
    gap.values[-1] = np.nan
    late = MODELS[name](gap, LEADS[:1])
    ahead = MODELS[name](storm.isel(time=slice(5)), LEADS[:2])
    np.testing.assert_array_equal(late.values[0, 0], ahead.values[0, 1])
    assert late.attrs["steps_since_last_scan"] == 1 and "fallback" not in late.attrs


@pytest.mark.parametrize("name", ["sprog", "steps"])
def test_what_is_unknown_is_unknown_to_the_extrapolation_too(storm, name):
    """The same disk is unseen in every frame, so it is the carried disk and the inflow that are NaN."""
    forecast = PystepsSteps(motion_noise=None)(storm, LEADS, seed=1) if name == "steps" else MODELS[name](storm, LEADS)
    np.testing.assert_array_equal(np.isnan(forecast.values[0]), np.isnan(MODELS["extrapolation"](storm, LEADS).values[0]))


@pytest.mark.parametrize("name", LEARNING)
def test_nothing_lies_between_dry_and_the_threshold(storm, name):
    values = MODELS[name](storm, LEADS, seed=1).values
    assert not ((values > 0) & (values < np.float32(0.1))).any()


def _cloud(column: float) -> np.ndarray:
    rows, columns = np.mgrid[:48, :48]
    return 10 * np.exp(-((columns - column) ** 2 + (rows - 24) ** 2) / 32)


def _dry() -> np.ndarray:
    return np.zeros((4, 48, 48))


def _few_pixels() -> np.ndarray:
    past = _dry()
    past[:, 20, 20:24] = np.arange(1, 17).reshape(4, 4)
    return past


def _new_rain() -> np.ndarray:
    return np.stack([*_dry()[:3], _cloud(20)])


def _stuck() -> np.ndarray:
    return np.stack([_cloud(20)] * 4)


def _gap() -> np.ndarray:
    return np.stack([_cloud(16), _cloud(18), np.full((48, 48), np.nan), _cloud(22)])


def _seen_in_turns() -> np.ndarray:
    past = np.stack([_cloud(16 + 2 * index) for index in range(4)])
    past[1::2, :, :24], past[::2, :, 24:] = np.nan, np.nan
    return past


def _flat() -> np.ndarray:
    return np.stack([np.full((48, 48), value) for value in (2.0, 2.1, 2.2, 2.3)])


REASONS = {
    _dry: "rain in 0 of the pixels",
    _few_pixels: "rain in 4 of the pixels",
    _new_rain: "rain in 0 of the pixels",
    _stuck: "the last two scans are the same",
    _gap: "scans is missing",
    _seen_in_turns: "rain in 0 of the pixels",
    _flat: "the same value everywhere",
}


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize("make", REASONS, ids=lambda make: make.__name__)
def test_where_a_model_cannot_work_the_extrapolation_stands_in_and_says_so(name, make):
    past = frames_of(make())
    members = 2 if name in ("linda", "steps") else 1
    forecast = MODELS[name](past, LEADS, members=members, seed=1)
    carried = MODELS["extrapolation"](past, LEADS)
    assert forecast.attrs["method"] == f"pysteps-{name}" and forecast.sizes["member"] == members
    assert forecast.attrs["fallback"].startswith("pysteps-extrapolation: ") and REASONS[make] in forecast.attrs["fallback"]
    for member in forecast.values:
        np.testing.assert_array_equal(member, carried.values[0])


@pytest.mark.parametrize("missing", [(1, 3), (1, 2, 3)])
def test_scans_without_a_neighbour_show_no_motion(storm, missing):
    """Rain that stands still would be persistence under another name."""
    gaps = storm.copy(deep=True)
    for index in missing:
        gaps.values[-1 - index] = np.nan
    with pytest.raises(MethodError, match=r"two scans a step apart, but of the last 4 time steps .* [12] hold data"):
        MODELS["extrapolation"](gaps, LEADS)


def test_a_scan_riddled_with_holes_is_refused(storm):
    """Of every two by two pixels one or more were not seen, so its interpolation knows nothing anywhere."""
    riddled = storm.copy(deep=True)
    riddled.values[:, np.indices(storm.shape[1:]).sum(axis=0) % 2 == 1] = np.nan
    with pytest.raises(MethodError, match="seen at .* has no four side by side; fill small holes first"):
        MODELS["extrapolation"](riddled, LEADS)


def test_a_missing_scan_without_another_to_take_its_place(storm):
    past = storm.isel(time=slice(4)).copy(deep=True)
    past.values[-1] = np.nan
    forecast = MODELS["anvil"](past, LEADS)
    assert "one of the last 4 scans is missing" in forecast.attrs["fallback"] and forecast.attrs["steps_since_last_scan"] == 1


def test_rain_in_the_corners_only_is_not_lost_by_steps():
    """There pysteps' own answer is a forecast without any rain: the noise's window has none."""
    past = np.random.default_rng(0).uniform(1, 5, (4, 48, 48)) * (np.indices((48, 48)).sum(axis=0) < 9)
    forecast = MODELS["steps"](frames_of(past), LEADS, seed=1)
    assert "rain in 0 of the pixels" in forecast.attrs["fallback"] and np.nanmax(forecast.values) > 1
    assert "fallback" not in MODELS["sprog"](frames_of(past), LEADS).attrs


def test_numbers_that_break_down_are_noticed():
    """A cloud that only moves has no differences along its way; ANVIL then knows nothing where it rains."""
    past = frames_of(np.stack([_cloud(16 + 2 * index) for index in range(4)]))
    forecast = MODELS["anvil"](past, LEADS)
    assert "knows nothing of most of the rain" in forecast.attrs["fallback"] and np.nanmax(forecast.values) > 9


def test_drizzle_without_cells_is_carried_along_by_linda():
    past = frames_of(np.stack([0.03 * _cloud(16 + 2 * index) for index in range(4)]))
    assert "no rain cell" in MODELS["linda"](past, LEADS).attrs["fallback"]


@pytest.mark.parametrize(("name", "frames"), [("sprog", 3), ("anvil", 4), ("linda", 3), ("steps", 3)])
def test_too_short_a_past(storm, name, frames):
    with pytest.raises(MethodError, match=f"pysteps-{name} learns from {frames} frames, but got {frames - 1}; give more files"):
        MODELS[name](storm.isel(time=slice(frames - 1)), LEADS)
    assert "fallback" not in MODELS[name](storm.isel(time=slice(frames)), LEADS, seed=1).attrs


@pytest.mark.parametrize("name", MODELS)
def test_lead_times_between_the_steps_are_refused(storm, name):
    with pytest.raises(MethodError, match=f"pysteps-{name} forecasts whole radar steps only"):
        MODELS[name](storm, minutes(7, 7, step=5))


@pytest.mark.parametrize("name", ["sprog", "anvil", "steps"])
def test_small_grids_get_fewer_levels_and_tiny_ones_none(storm, name):
    small = storm.isel(y=slice(24, 40), x=slice(16, 40))
    assert np.isfinite(MODELS[name](small, LEADS, seed=1).values).any()
    with pytest.raises(MethodError, match="a grid needs 16 pixels a side; got 6 levels and 12 pixels"):
        MODELS[name](storm.isel(y=slice(24, 36), x=slice(16, 40)), LEADS)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 5)])
def test_tiniest_grids(name, shape):
    forecast = MODELS[name](frames_of(np.ones((4, *shape))), LEADS)
    assert forecast.shape == (1, 4, *shape) and np.nanmax(forecast.values) <= 1


def test_what_pysteps_raises_is_told_as_a_method_error(storm):
    with pytest.raises(MethodError, match="pysteps-steps: pysteps gave up on these frames .ValueError: Unknown mask method 'any'"):
        PystepsSteps(mask="any")(storm, LEADS)
    with pytest.raises(MethodError, match="Seed must be between"):
        MODELS["steps"](storm, LEADS, seed=-1)


def test_without_scikit_image_linda_says_what_it_needs(storm, monkeypatch):
    monkeypatch.setattr("stormcell.methods.pysteps.linda.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="scikit-image"):
        MODELS["linda"](storm, LEADS)


@pytest.mark.parametrize("name", MODELS)
def test_no_trace_is_left_in_the_process(storm, name, capfd):
    np.random.seed(5)
    before, filters, out = np.random.get_state()[1].copy(), list(warnings.filters), sys.stdout
    MODELS[name](storm, LEADS, seed=1)
    assert capfd.readouterr() == ("", "")
    assert (np.random.get_state()[1] == before).all() and warnings.filters == filters and sys.stdout is out


def test_after_an_error_too(storm):
    before, out = list(warnings.filters), sys.stdout
    for _ in range(2):
        with pytest.raises(MethodError):
            PystepsSteps(mask="any")(storm, LEADS)
    assert warnings.filters == before and sys.stdout is out


def test_threads_take_turns(storm):
    """Output and random state belong to the process: two forecasts at once must not mix them up."""
    out, made = sys.stdout, {}

    def work(seed: int) -> None:
        made[seed] = MODELS["steps"](storm, LEADS, members=2, seed=seed)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2, 3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sys.stdout is out and len(made) == 3
    xr.testing.assert_identical(made[2], MODELS["steps"](storm, LEADS, members=2, seed=2))


def test_a_dask_scheduler_that_is_set_does_not_matter(storm):
    """pysteps' tasks write into shared memory; in other processes they would be lost."""
    with dask.config.set(scheduler="processes"):
        forecast = MODELS["steps"](storm, LEADS, members=2, seed=7)
    xr.testing.assert_identical(forecast, MODELS["steps"](storm, LEADS, members=2, seed=7))


def test_large_ensembles_report_progress(storm):
    from stormcell.progress import listener

    heard = []

    def listen(items, what, total):
        for item in items:
            heard.append((what, item, total))
            yield item

    token = listener.set(listen)
    try:
        MODELS["steps"](storm, LEADS, members=2, seed=1)
    finally:
        listener.reset(token)
    assert heard == [("forecast", step, 4) for step in range(1, 5)]
