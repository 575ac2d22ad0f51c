"""A guided network as a method: what it begins from, other clocks and pixels, what is not seen, bounds, names."""

import math
import pickle
from shutil import copytree

import numpy as np
import pytest
import torch
import xarray as xr

from stormcell import bfloat16
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import MethodError
from stormcell.frames import check_forecast, grid_of, step_of
from stormcell.methods import GuidedForecast, Sprog, Steps, method_named
from stormcell.methods.calibrated import Calibrated, identity_of
from stormcell.methods.guided import chances, said
from stormcell.methods.guided.chances import Chances
from stormcell.methods.guided.first_guess import first_guess
from stormcell.methods.guided.start import start_of
from stormcell.methods.scans import scans_for
from stormcell.motion import Trajectories
from stormcell.networks.checkpoint import ModelConfig, load_checkpoint, save_checkpoint
from stormcell.networks.guided import SCALE, Guided, paths_back
from stormcell.timeline import minutes
from stormcell.warp import Sampler
from tests.conftest import frames_of

LEADS = minutes(5, 30, step=5)
LEVELS = (0.1, 0.5, 2.0, 5.0, 10.0)
SETTINGS = {"levels": list(LEVELS), "hidden": [4, 4], "tail": 4, "steps": 6, "squares": [3, 7]}


def save(folder, *, pixel_km, sharp=8.0, shift=0.0):
    """Untrained, sure of its first guess, and with a residual that is not nothing."""
    torch.manual_seed(1)
    network = Guided(**SETTINGS)
    with torch.no_grad():
        network.anchor.weight[..., 0] = sharp
        network.anchor.bias[:] = 0.0
        network.decisions[:] = 0.0
        network.member_shift[:] = shift
        torch.nn.init.normal_(network.residual.head.weight, std=1e-3)
    config = ModelConfig("guided", SETTINGS, step_minutes=5.0, pixel_km=pixel_km, past_steps=4, future_steps=6, representation=SCALE)
    return save_checkpoint(folder, network, config, title="A small guided model")


@pytest.fixture(scope="module")
def storm():
    return synthetic_storm(6, shape=(64, 72), seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, storm):
    return save(tmp_path_factory.mktemp("models") / "small", pixel_km=grid_of(storm).pixel_km)


@pytest.fixture(scope="module")
def method(folder):
    made = method_named(str(folder))
    assert isinstance(made, GuidedForecast)
    return made


def test_the_first_guess_is_sprog_before_it_is_moved(storm):
    """Carried along its motion it is what the method says."""
    guess = first_guess(storm.values[-4:], back=range(4), ahead=range(1, 7), km=grid_of(storm).pixel_km, step_minutes=5.0)
    sprog = Sprog()(storm, LEADS).values[0]
    sampler = Sampler(storm.values[-1])
    for step, place in enumerate(Trajectories(guess.motion).followed(range(1, 7))):
        moved = sampler.holding(guess.rain[step]).at(*place)
        np.testing.assert_array_equal(np.where(moved < 0.1, 0, moved), sprog[step])
    assert guess.said is None
    np.testing.assert_array_equal(guess.past[-1], storm.values[-1])


def test_a_network_that_trusts_its_guess_gives_it_back_between_levels(method, storm):
    """A sharp anchor exceeds what the first guess exceeds."""
    forecast = check_forecast(method(storm, LEADS))
    sprog = Sprog()(storm, LEADS).values
    for level in LEVELS[1:4]:
        agreeing = (forecast.values >= level) == (sprog >= level)
        assert agreeing[np.isfinite(sprog)].mean() > 0.97
    assert np.array_equal(np.isnan(forecast.values), np.isnan(sprog))
    assert forecast.attrs["model"] == "guided" and forecast.attrs["product"] == "decision" and "rolled_on" not in forecast.attrs


def test_what_is_added_up_in_parts_is_the_network(method, storm):
    """Smooth part interpolated, own part on the radar's grid: on one grid it is the network itself."""
    network, config = load_checkpoint(method.model)
    with torch.no_grad():
        torch.nn.init.normal_(network.anchor.staying, std=0.3)  # what stays has its part too
    start = start_of(storm, 6.0, scans=4, step_minutes=5.0, pixel_km=config.pixel_km, name="small")
    chances = Chances.of(network, start, precision="float32", tile=384, overlap=64)
    past = torch.from_numpy(start.past)[None]
    known = past.isfinite()
    scaled = torch.where(known, SCALE.forward(past), 0.0)
    motion = torch.from_numpy(start.motion)[None]
    whole = network(scaled, known, SCALE.forward(torch.from_numpy(start.rain))[None], motion)[0]
    places = [tuple(each) for each in paths_back(motion, 6)[0].numpy()]
    looks = [chances.at(step, place).look() for step, place in enumerate(places, start=1)]
    for (guess, logits), reference in zip(looks, whole, strict=True):
        seen = np.isfinite(guess)
        assert seen.mean() > 0.5
        np.testing.assert_allclose(logits[:, seen], reference.numpy()[:, seen], rtol=1e-4, atol=2e-4)
    between, before, after = (chances.at(step, places[1]).look()[1] for step in (2.5, 2, 3))
    np.testing.assert_allclose(between, (before + after) / 2, atol=1.5)  # where the guess crosses a limit it bends


@pytest.mark.parametrize("product", ["mean", "median", "matched", "balanced-mean", "balanced-median"])
def test_other_products_are_fields_too(folder, storm, product):
    forecast = check_forecast(method_named(f"{folder}:{product}")(storm, LEADS))
    known = forecast.values[np.isfinite(forecast.values)]
    assert known.min() >= 0 and known.max() <= 2 * float(storm.max()) and (known >= 0.5).any()
    assert forecast.attrs["product"] == product


def test_nothing_leaks_from_what_was_not_seen(folder, storm, monkeypatch):
    """Whatever the network says there: the same everywhere is the same everywhere, also at an edge that moves by parts of a pixel."""
    halved = storm.copy(deep=True)
    halved.values[:, :, 36:] = np.nan
    monkeypatch.setattr(GuidedForecast, "_product", lambda *_: np.full(storm.shape[1:], 1.5, np.float32))
    values = GuidedForecast(folder)(halved, LEADS).values
    assert np.isnan(values).any() and np.nanmax(np.abs(values - 1.5)) < 1e-5


def test_a_past_of_drizzle_stays_drizzle_where_it_counts(folder):
    past = np.full((4, 40, 50), 0.05, np.float32)
    assert np.nanmax(method_named(f"{folder}:balanced-mean")(frames_of(past), LEADS).values) == pytest.approx(0.05)
    assert np.nanmax(method_named(str(folder))(frames_of(past), LEADS).values) == 0.0


def test_a_field_is_known_by_the_weights_that_it_is_made_from(folder, tmp_path):
    copytree(folder, tmp_path / "elsewhere")
    one, other = (identity_of(f"{path}:mean") for path in (folder, tmp_path / "elsewhere"))
    assert one == other == f"{identity_of(str(folder)).removesuffix('decision')}mean"


def test_a_field_that_there_is_not(folder):
    with pytest.raises(MethodError, match="magic: what stands after the colon is a field that a guided model gives, one of decision, mean"):
        method_named(f"{folder}:magic")
    with pytest.raises(MethodError, match="other methods give one field alone"):
        method_named("sprog:mean")


def test_members_have_the_chances_that_the_network_gives(tmp_path, storm):
    """Of many members as many exceed each level as the distribution at the place says; each has its own number for its own seed."""
    unsure = GuidedForecast(save(tmp_path / "unsure", pixel_km=grid_of(storm).pixel_km, sharp=0.5), precision="float32")
    forecast = check_forecast(unsure(storm, LEADS[-1:], members=120, seed=1))
    assert forecast.sizes["member"] == 120 and forecast.attrs["product"] == "members"
    network, config = load_checkpoint(unsure.model)
    start = start_of(storm, 6.0, scans=4, step_minutes=5.0, pixel_km=config.pixel_km, name="unsure")
    (place,) = Trajectories(start.guess.motion).followed([6.0])
    _, logits = Chances.of(network, start, precision="float32", tile=384, overlap=64).at(6.0, place).look()
    known = np.isfinite(forecast.values[0, 0])
    for level in (1, 3):
        said = 1 / (1 + np.exp(-np.minimum.accumulate(logits, axis=0)[level]))
        assert (forecast.values[:, 0] >= LEVELS[level])[:, known].mean() == pytest.approx(said[known].mean(), abs=0.04)
    some = unsure(storm, LEADS[-1:], members=3, seed=1)
    np.testing.assert_array_equal(some.values, forecast.values[:3])
    assert not np.array_equal(some.values, unsure(storm, LEADS[-1:], members=3, seed=2).values)
    near = np.corrcoef(forecast.values[0, 0][known], np.roll(forecast.values[0, 0], 1, axis=1)[known], rowvar=False)[0, 1]
    assert np.isnan(near) or near > 0.3  # neighbours are alike


def test_members_are_drawn_after_their_shift(tmp_path, storm):
    """Of all levels together, more than one pixel in ten as often; a single field is the same."""
    plain, shifted = (
        GuidedForecast(save(tmp_path / str(shift), pixel_km=grid_of(storm).pixel_km, sharp=0.5, shift=shift), precision="float32")
        for shift in (0.0, 0.4)
    )
    np.testing.assert_array_equal(plain(storm, LEADS).values, shifted(storm, LEADS).values)
    few, many = (method(storm, LEADS[-1:], members=40, seed=1).values for method in (plain, shifted))
    known = np.isfinite(few[0, 0])
    assert (many >= few)[:, :, known].all()
    for level in (1, 3):
        chances = [(values >= LEVELS[level])[:, 0, known].mean() for values in (few, many)]
        assert 1.05 * chances[0] < chances[1] < math.exp(0.4) * chances[0] + 1e-6


def test_members_of_a_dry_or_unfit_past_are_all_the_one(method):
    single = np.zeros((4, 40, 50))
    single[:, 20, 20] = 3.0
    for past in (np.zeros((4, 40, 50)), single):
        values = method(frames_of(past), LEADS, members=3).values
        np.testing.assert_array_equal(values[1], values[0])


def test_any_clock(method, storm):
    """Every second scan of the same storm: lead times are reached all the same, between the steps of both clocks too."""
    slow = storm[1::2]
    forecast = check_forecast(method(slow, LEADS))
    assert step_of(slow) == 2 * step_of(storm)
    fine = method(storm, LEADS)
    both = np.isfinite(forecast.values) & np.isfinite(fine.values)
    assert np.corrcoef(forecast.values[both], fine.values[both])[0, 1] > 0.8
    odd = method(storm, minutes(3, 27, step=6))
    assert odd.sizes["lead_time"] == 5 and np.isfinite(odd.values).any()


def test_any_pixel(tmp_path, storm):
    """A model of coarser pixels leaves the detail of the first guess where it is."""
    coarse = GuidedForecast(save(tmp_path / "coarse", pixel_km=3.5 * grid_of(storm).pixel_km))
    forecast = check_forecast(coarse(storm, LEADS))
    sprog = Sprog()(storm, LEADS).values
    assert ((forecast.values >= 2) == (sprog >= 2))[np.isfinite(sprog)].mean() > 0.95


@pytest.mark.parametrize(("times", "members"), [(20, 1), (1 / 3, 1), (20, 3)])
def test_pixels_of_which_the_model_says_nothing(tmp_path, storm, times, members):
    """S-PROG, or STEPS, stands in, and says so."""
    far = GuidedForecast(save(tmp_path / "far", pixel_km=times * grid_of(storm).pixel_km))
    forecast, stand_in = (each(storm, LEADS, members=members, seed=1) for each in (far, Sprog() if members == 1 else Steps()))
    np.testing.assert_array_equal(forecast.values, stand_in.values)
    assert forecast.attrs["method"] == "far" and forecast.attrs["fallback"].startswith(f"{stand_in.attrs['method']}: pixels of ")


def test_it_rolls_on_and_says_so(method, storm):
    forecast = method(storm, minutes(5, 60, step=5))
    assert "30 min" in forecast.attrs["rolled_on"] and np.isfinite(forecast.values[0, -1]).any()


def test_a_missing_last_scan_starts_a_step_earlier(method, storm):
    gap = storm.copy(deep=True)
    gap.values[-1] = np.nan
    forecast = method(gap, LEADS)
    assert forecast.attrs["steps_since_last_scan"] == 1
    earlier = method(storm[:-1], minutes(10, 35, step=5))
    np.testing.assert_array_equal(forecast.values, earlier.values)


def test_a_scan_missing_in_the_middle_is_one_that_is_not_known(method, storm):
    gap = storm.copy(deep=True)
    gap.values[-3] = np.nan
    assert np.isfinite(method(gap, LEADS).values[0, 0]).mean() > 0.5


def test_a_fast_radar_is_read_as_far_back(folder, method):
    """By the whole of the past that it learnt to read, and where that is not there, it says so."""
    two, ten = np.timedelta64(2, "m"), np.timedelta64(10, "m")
    assert [scans_for(method, step) for step in (two, np.timedelta64(300, "s"), ten)] == [9, 4, 4] and scans_for(Sprog(), two) == 4
    assert scans_for(Calibrated(method, None), two) == 9
    fast = synthetic_storm(9, shape=(64, 72), seed=3, minutes=2.0)
    assert "past_frames" not in method(fast, minutes(4, 4, step=2)).attrs
    assert method(fast[-4:], minutes(4, 4, step=2)).attrs["past_frames"] == "2 of 4"


def test_a_slow_radar_has_the_cascade_in_full(method, storm):
    """Within the quarter of an hour that the network looks back there is one scan every half hour; S-PROG has three all the same."""
    slow = storm.assign_coords(time=storm["time"].values[0] + np.arange(storm.sizes["time"]) * np.timedelta64(30, "m"))
    assert "fallback" not in method(slow, minutes(30, 30, step=30)).attrs
    assert method(slow[-2:], minutes(30, 30, step=30)).attrs["fallback"] == "first guess by a process of first order: 2 scans of 3"


def test_dry_and_hardly_wet(method):
    assert (method(frames_of(np.zeros((4, 40, 50))), LEADS).values == 0).all()
    single = np.zeros((4, 40, 50))
    single[:, 20, 20] = 3.0
    forecast = method(frames_of(single), LEADS)
    assert forecast.attrs["fallback"].startswith("first guess by advection") and np.nanmax(forecast.values) <= 6.0


def test_it_goes_to_another_process_by_its_settings(method, storm):
    again = pickle.loads(pickle.dumps(method))
    xr.testing.assert_identical(again(storm, LEADS), method(storm, LEADS))
    assert "small" in repr(method) and "/" not in repr(method)
    assert method.identity.startswith("model ") and method.identity.endswith("decision")


def test_a_calibration_tells_it_by_the_same_words(folder, method):
    assert identity_of(str(folder)) == method.identity


def test_tiles_leave_no_seam(folder, storm):
    whole = GuidedForecast(folder, precision="float32")(storm, LEADS)
    tiled = GuidedForecast(folder, precision="float32", tile=64, overlap=16)(storm, LEADS)
    wet = np.isfinite(whole.values) & (whole.values >= 0.5)
    assert np.abs(np.log(np.maximum(tiled.values[wet], 0.05) / whole.values[wet])).mean() < 0.02


def test_what_does_not_fit_is_refused(folder, method, storm):
    with pytest.raises(MethodError, match="product"):
        GuidedForecast(folder, product="mode")
    with pytest.raises(MethodError, match="precision"):
        GuidedForecast(folder, precision="int8")
    with pytest.raises(MethodError, match="1 member or more"):
        method(storm, LEADS, members=0)
    with pytest.raises(MethodError, match="unknown model"):
        GuidedForecast("nothing-there")


@pytest.mark.parametrize(("fast", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_it_works_in_what_is_faster_here(folder, storm, monkeypatch, fast, precision):
    monkeypatch.setattr(bfloat16, "has_fast_bfloat16", lambda device: fast)
    chosen, named = GuidedForecast(folder)(storm, LEADS), GuidedForecast(folder, precision=precision)(storm, LEADS)
    np.testing.assert_array_equal(chosen, named)
    other = GuidedForecast(folder, precision="float32" if fast else "bfloat16")(storm, LEADS)
    assert not np.array_equal(chosen, other, equal_nan=True)


def test_a_runtime_chooses_for_itself(folder):
    pytest.importorskip("onnxruntime")
    assert GuidedForecast(folder, runtime="onnxruntime").precision == "float32"


@pytest.mark.parametrize(("precision", "others"), [("float32", 0.0), ("bfloat16", 0.01)])
def test_a_grid_too_large_to_be_worked_on_at_once(folder, storm, monkeypatch, precision, others):
    """Strips of a few rows, logits made anew at each look, and the network step by step: the same rain. bfloat16 rounds in another order;
    where a level is just reached that decides, but hardly anywhere. Matched rain goes by rank: where many pixels are nearly equal, the
    last digit of float32 moves it by thousandths, and whether it does differs from processor to processor.
    """
    methods = [GuidedForecast(folder, product=product, precision=precision) for product in ("decision", "matched", "balanced-mean")]
    whole = [method(storm, LEADS).values for method in methods]
    monkeypatch.setattr(said, "_STRIP", 3 * storm.shape[2] * len(LEVELS))
    monkeypatch.setattr(said, "_KEPT", 0)
    monkeypatch.setattr(chances, "_STRIP", 7)
    monkeypatch.setattr(chances, "_LARGE", 0)
    for method, values in zip(methods, whole, strict=True):
        strips = method(storm, LEADS).values
        assert np.array_equal(np.isnan(strips), np.isnan(values))
        share = 1e-2 if others else 5e-3 if method.product == "matched" else 0.0
        assert (np.abs(strips - values) > 1e-4 + share * values).mean() <= others


def test_the_past_and_the_guess_at_times_between_scans(storm):
    """Halfway it is the mean of both; before the first scan nothing is known."""
    frames, km = storm.values[-4:], grid_of(storm).pixel_km
    whole = first_guess(frames, back=range(4), ahead=range(1, 4), km=km, step_minutes=5.0)
    between = first_guess(frames, back=[0, 1.5, 2.999, 3.5], ahead=[0.5, 1.0, 2.25], km=km, step_minutes=5.0)
    assert np.isnan(between.past[0]).all()
    np.testing.assert_array_equal(between.past[1], whole.past[0])  # a clock may be off by a thousandth
    np.testing.assert_array_equal(between.past[2], (whole.past[1] + whole.past[2]) / 2)
    np.testing.assert_array_equal(between.past[3], whole.past[3])
    np.testing.assert_array_equal(between.rain[0], (np.nan_to_num(frames[-1]) + whole.rain[0]) / 2)
    np.testing.assert_array_equal(between.rain[1], whole.rain[0])
    np.testing.assert_array_equal(between.rain[2], 0.75 * whole.rain[1] + 0.25 * whole.rain[2])
