"""A network as a method: labels, what is not seen, other grids and steps, bounds. The contract tests run over those that ship."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
import xarray as xr

from stormcell.errors import MethodError, ReadError
from stormcell.frames import check_forecast, grid_of
from stormcell.methods import GuidedForecast, Learned, method_named
from stormcell.methods.calibration import Calibration, RainRateMaps
from stormcell.methods.calibration_file import write_calibration
from stormcell.methods.learned import _on_model_grid
from stormcell.methods.resampled import pixels_between
from stormcell.methods.scans import scans_to_read
from stormcell.methods.shipped import shipped_models
from stormcell.networks.checkpoint import fingerprint_of, load_checkpoint
from stormcell.networks.representation import Representation
from stormcell.timeline import minutes
from tests.conftest import frames_of
from tests.methods.tiny_models import save_tiny

LEADS = minutes(5, 20, step=5)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def tiny(folder):
    return Learned(folder)


@pytest.fixture(scope="module")
def rain():
    """6 frames of 40 x 48 pixels; a corner is never seen."""
    fields = np.random.default_rng(1).gamma(0.4, 5.0, (6, 40, 48))
    fields[:, :6, :9] = np.nan
    return frames_of(fields)


def test_it_is_the_network(tiny, folder, rain):
    """On the model's own grid and step it is the network between the two ways of the scale, and no more."""
    network, config = load_checkpoint(folder)
    past = torch.from_numpy(np.nan_to_num(rain.values[-3:]))[None, :, None]
    with torch.no_grad():
        made = config.representation.inverse(network(config.representation.forward(past), 4))[0, :, 0].numpy()
    made = np.minimum(made, 2 * np.nanmax(rain.values[-3:]))
    forecast = check_forecast(tiny(rain, LEADS))
    seen = np.isfinite(rain.values[-1])
    np.testing.assert_allclose(forecast.values[0][:, seen], made[:, seen], atol=1e-5, rtol=1e-5)
    assert np.isnan(forecast.values[0][:, ~seen]).all() and float(forecast.max()) > 0.5
    assert grid_of(forecast).same_as(grid_of(rain)) and (forecast["lead_time"].values == LEADS).all()
    assert forecast.attrs["method"] == "tiny" and forecast.attrs["model"] == "pyramid" and len(forecast.attrs["model_fingerprint"]) == 16
    assert not {"conversions", "rolled_on", "past_frames"} & set(forecast.attrs)


def test_it_says_its_name_and_not_where_it_lies(folder):
    assert repr(Learned(folder, tile=300)).startswith("Learned('tiny', tile=300, overlap=64, ")
    assert str(folder.parent) not in repr(Learned(folder))


def test_sigmoid_and_output(tmp_path, rain):
    """With the sigmoid an answer of 0 is the middle of the scale."""
    high = Learned(save_tiny(tmp_path / "high", output="sigmoid", bias=50.0))
    forecast = high(rain, LEADS)
    top = min(Representation().top, 2 * float(rain[-3:].max()))
    assert np.nanmin(forecast.values) == pytest.approx(top, rel=1e-3)


def test_never_above_twice_the_past_nor_the_top(tmp_path):
    high = Learned(save_tiny(tmp_path / "high", bias=50.0))
    light, heavy = (high(frames_of(np.full((3, 16, 16), rate)), LEADS).values for rate in (1.5, 150.0))
    assert np.allclose(light, 3.0) and np.allclose(heavy, Representation().top)


def test_dry_stays_dry(tmp_path):
    """Even with a network that always says rain; drizzle below the scale is dry too."""
    high = Learned(save_tiny(tmp_path / "high", bias=50.0))
    for rate in (0.0, 0.05):
        assert (high(frames_of(np.full((4, 20, 30), rate)), LEADS).values == 0).all()


def test_members_past_and_repetition(tiny, rain):
    before = rain.copy(deep=True)
    xr.testing.assert_identical(tiny(rain, LEADS), tiny(rain, LEADS, seed=3))
    xr.testing.assert_identical(rain, before)
    with pytest.raises(MethodError, match="tiny is deterministic: expected members=1, got 2"):
        tiny(rain, LEADS, members=2)


# ---- calibration


def halved(folder, *, method: str | None = None) -> Calibration:
    """Of the first two of four steps: half the rain after 5 minutes, a quarter after 10."""
    maps = RainRateMaps((1.0, 10.0), ((0.5, 5.0), (0.25, 2.5)))
    return Calibration(method or f"model {fingerprint_of(folder)}", "quantile", 1, (5.0, 10.0), maps, 9)


def test_the_calibration_beside_the_weights_is_used_and_said(tmp_path, rain):
    folder = save_tiny(tmp_path / "m")
    plain = Learned(folder)(rain, LEADS)
    assert "calibration" not in plain.attrs
    write_calibration(halved(folder), folder)
    calibrated = Learned(folder)(rain, LEADS)
    share = np.array([0.5, 0.25, 0.25, 0.25])[None, :, None, None]  # the last map goes on beyond its lead time
    wet = plain.values < 2 * np.nanmax(rain.values[-3:])  # where it was not bounded
    expected = np.where(share * plain.values < 0.1, 0, share * plain.values)
    np.testing.assert_allclose(calibrated.values[wet], expected[wet], rtol=1e-5)
    assert calibrated.attrs["calibration"].startswith("quantile, from 9 cases, ")
    xr.testing.assert_identical(Learned(folder, calibrated=False)(rain, LEADS), plain)


def test_drizzle_that_a_calibration_takes_for_noise_is_dry(tmp_path, rain):
    folder = save_tiny(tmp_path / "m")
    plain = Learned(folder)(rain, LEADS).values
    limit = float(np.nanmedian(plain))
    maps = RainRateMaps((limit, 2 * limit), ((0.05, 2 * limit),))  # what is weaker than the median becomes next to nothing
    write_calibration(Calibration(f"model {fingerprint_of(folder)}", "quantile", 1, (5.0,), maps, 9), folder)
    calibrated = Learned(folder)(rain, LEADS).values
    weak = plain < limit
    assert weak.any() and (calibrated[weak] == 0).all() and (calibrated[calibrated > 0] >= 0.1).all() and (calibrated > 0).any()


def test_what_a_calibration_makes_is_bounded_as_well(tmp_path):
    folder = save_tiny(tmp_path / "m", bias=50.0)
    maps = RainRateMaps((1.0, 10.0), ((3.0, 30.0),))
    write_calibration(Calibration(f"model {fingerprint_of(folder)}", "quantile", 1, (5.0,), maps, 9), folder)
    assert np.allclose(Learned(folder)(frames_of(np.full((3, 16, 16), 1.5)), LEADS).values, 3.0)


def test_the_calibration_of_another_model_is_refused(tmp_path, rain):
    folder = save_tiny(tmp_path / "m")
    write_calibration(halved(folder, method="model 0123456789abcdef"), folder)
    with pytest.raises(MethodError, match="is the calibration of model 0123456789abcdef, not of this model"):
        Learned(folder)(rain, LEADS)


# ---- what is not seen


def test_what_the_radar_does_not_see_thins_no_rain_beside_it(tmp_path):
    """Half of a finer radar sees steady rain: the network reads just that, up to the rim."""
    fine = Learned(save_tiny(tmp_path / "fine", pixel_km=2.0))
    fields = np.full((3, 40, 48), 5.0, np.float32)
    fields[:, :, :21] = np.nan
    with_rim = fine(frames_of(fields), LEADS).values[0]
    assert np.isnan(with_rim[:, :, :21]).all() and np.isfinite(with_rim[:, :, 21:]).all()
    past = _on_model_grid(scans_to_read(frames_of(fields), count=3, every=1, name="m"), pixels_between(1.0, 2.0, (40, 48), name="m"))
    assert np.isnan(past[:, :, :10]).all() and (past[:, :, 10:] == 5.0).all()


def test_unseen_in_every_scan_is_unseen_and_in_some_is_filled(tiny, rain):
    holed = rain.copy(deep=True)
    holed.values[:, 20:30, 20:30] = np.nan
    holed.values[-1, 32:36, 10:20] = np.nan
    forecast = tiny(holed, LEADS).values[0]
    assert np.isnan(forecast[:, 20:30, 20:30]).all() and np.isfinite(forecast[:, 32:36, 10:20]).all()
    filled = holed.copy(deep=True)
    filled.values[-1, 32:36, 10:20] = holed.values[-2, 32:36, 10:20]
    np.testing.assert_array_equal(forecast, tiny(filled, LEADS).values[0])


def test_a_last_scan_that_is_missing(tiny, rain):
    """The same as starting a scan earlier and going a step further."""
    late = rain.copy(deep=True)
    late.values[-1] = np.nan
    forecast, earlier = tiny(late, LEADS), tiny(rain[:-1], minutes(10, 25, step=5))
    np.testing.assert_array_equal(forecast.values, earlier.values)
    assert forecast.attrs["steps_since_last_scan"] == 1 and "rolled_on" in forecast.attrs


def test_a_scan_missing_in_the_middle_is_filled_and_told(tiny, rain):
    gap = rain.copy(deep=True)
    gap.values[-2] = np.nan
    filled = rain.copy(deep=True)
    filled.values[-2] = filled.values[-3]
    forecast = tiny(gap, LEADS)
    np.testing.assert_array_equal(forecast.values, tiny(filled, LEADS).values)
    assert forecast.attrs["conversions"] == "1 missing scans filled from their neighbours in time"


def test_too_little_to_start_from(tiny, rain):
    for seen in ([], [5], [0, 5]):
        past = rain.copy(deep=True)
        past.values[[index for index in range(6) if index not in seen]] = np.nan
        with pytest.raises(MethodError, match="only between two scans or more"):
            tiny(past, LEADS)
    forecast = tiny(rain[-2:], LEADS)
    assert forecast.attrs["past_frames"] == "2 of 3"


# ---- other grids, steps and lead times


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (17, 8), (33, 70)])
def test_any_grid(tiny, shape):
    forecast = check_forecast(tiny(frames_of(np.full((3, *shape), 2.0)), LEADS))
    assert np.isfinite(forecast.values).all()


def test_tiles_show_no_seam(tmp_path):
    """This network sees no further than 3 pixels: kernels of 3 on patches of 2, nothing but the pixel itself from step to step."""
    near = {"hidden": [4], "patch": 2, "input_kernel": 3, "state_kernel": 1}
    folder = save_tiny(tmp_path / "near", network="convlstm", settings=near)
    past = frames_of(np.random.default_rng(2).gamma(0.4, 5.0, (3, 90, 151)))
    whole, tiled = (Learned(folder, tile=tile, overlap=16)(past, LEADS).values for tile in (384, 66))
    assert float(whole.max()) > 0.5 and np.abs(whole - tiled).max() < 1e-4


@pytest.mark.parametrize("pixel_km", [0.55, 2.5])
def test_other_pixels(tmp_path, rain, pixel_km):
    forecast = check_forecast(Learned(save_tiny(tmp_path / "m", pixel_km=pixel_km))(rain, LEADS))
    assert (np.isnan(forecast.values[0]) == np.isnan(rain.values[-1])).all()
    assert f"pixels of 1 km {'averaged' if pixel_km > 1 else 'interpolated'} to {pixel_km:g} km" in forecast.attrs["conversions"]


def test_pixels_and_steps_that_are_refused(tmp_path, rain):
    with pytest.raises(MethodError, match="coarse was trained on pixels of 40 km"):
        Learned(save_tiny(tmp_path / "coarse", pixel_km=40.0))(rain, LEADS)
    with pytest.raises(MethodError, match="quick was trained on scans every 2 min"):
        Learned(save_tiny(tmp_path / "quick", step_minutes=2.0))(rain, LEADS)


def test_every_second_scan_of_a_faster_radar(tmp_path, rain):
    """At the model's own times the forecast is that from every second scan."""
    slow = Learned(save_tiny(tmp_path / "slow", step_minutes=10.0))
    forecast = slow(rain, minutes(5, 20, step=5))
    chosen = frames_of(rain.values[[1, 3, 5]], step=10)
    expected = slow(chosen, minutes(10, 20, step=10))
    np.testing.assert_array_equal(forecast.values[0, 1::2], expected.values[0])
    assert "one scan in 2 read, every 10 min; lead times between its steps along the motion" in forecast.attrs["conversions"]
    with pytest.raises(MethodError, match="reads one scan in 2 of this radar, over 5 scans, but got 4; give --past 5"):
        slow(rain[-4:], LEADS)


def test_between_two_steps_rain_is_moved_not_shown_twice():
    from stormcell.methods.between import at_times

    row, column = np.mgrid[:64, :96]

    def at(shift: float) -> np.ndarray:
        fields = [np.exp(-((row - y) ** 2 + (column - x - shift) ** 2) / 30) for y, x in ((14, 10), (40, 22), (25, 40), (50, 50))]
        return (20 * sum(fields)).astype(np.float32)

    past, future = np.stack([at(6 * step) for step in range(3)]), np.stack([at(6 * step) for step in (2, 3)])
    made, between = at_times(future, past, [0.5])
    plain = (future[0] + future[1]) / 2
    assert between
    assert np.abs(made[0] - at(15)).mean() < 0.25 * np.abs(plain - at(15)).mean()
    assert not at_times(future, past, [1.0])[1]


def test_a_step_that_is_nearly_the_models(tiny, rain):
    six = frames_of(rain.values, step=6)
    forecast = tiny(six, minutes(6, 24, step=6))
    np.testing.assert_array_equal(forecast.values, tiny(rain, LEADS).values)
    assert forecast.attrs["conversions"] == "a step of 6 min taken for the model's of 5 min"


def test_it_rolls_on_and_says_so(tiny, rain):
    forecast = tiny(rain, minutes(5, 60, step=5))
    assert forecast.sizes["lead_time"] == 12 and forecast.attrs["rolled_on"] == "beyond the 20 min that the model was trained for"
    np.testing.assert_allclose(forecast.values[0, :4], tiny(rain, LEADS).values[0], atol=1e-5)


# ---- many cases, other processes, other networks


def test_a_batch_is_the_cases_one_by_one(tiny, rain):
    dry, late = rain.copy(deep=True), rain.copy(deep=True)
    dry.values[np.isfinite(dry.values)] = 0
    late.values[-1] = np.nan
    cases = [rain, dry, late, rain[-2:], rain[1:5]]
    for together, alone in zip(tiny.batch(cases, LEADS), [tiny(case, LEADS) for case in cases], strict=True):
        np.testing.assert_allclose(together.values, alone.values, atol=1e-5)
        assert (together["time"] == alone["time"]).all() and together.attrs == alone.attrs
    assert tiny.batch([], LEADS) == []
    with pytest.raises(MethodError, match="one grid with one time step"):
        tiny.batch([rain, rain[:, 1:]], LEADS)


def test_it_is_handed_to_another_process_without_its_weights(tiny, rain):
    tiny(rain, LEADS)
    packed = pickle.dumps(tiny)
    assert len(packed) < 1000
    np.testing.assert_array_equal(pickle.loads(packed)(rain, LEADS).values, tiny(rain, LEADS).values)
    assert copy.copy(tiny) == tiny


def test_bfloat16_is_near(folder, tiny, rain):
    exact, near = tiny(rain, LEADS).values, Learned(folder, precision="bfloat16")(rain, LEADS).values
    assert np.nanmax(np.abs(exact - near)) < 0.1 * np.nanmax(exact)


@pytest.mark.parametrize(
    ("network", "settings"),
    [
        ("fc-lstm", {"rows": 16, "columns": 24, "units": [8]}),
        ("predrnn", {"hidden": 4, "layers": 2, "patch": 2}),
        ("convlstm", {"hidden": [4], "patch": 4}),
    ],
)
def test_other_networks(tmp_path, rain, network, settings):
    forecast = check_forecast(Learned(save_tiny(tmp_path / "m", network=network, settings=settings))(rain, LEADS))
    assert (np.isnan(forecast.values[0]) == np.isnan(rain.values[-1])).all()


def test_what_is_no_model(tmp_path, rain):
    with pytest.raises(MethodError, match="unknown model 'nothing': expected the folder of a checkpoint, or one that ships"):
        Learned("nothing")
    with pytest.raises(ReadError, match=r"there is no config\.json"):
        Learned(tmp_path)(rain, LEADS)
    with pytest.raises(MethodError, match="grey learnt from images that are no rain"):
        Learned(save_tiny(tmp_path / "grey", representation=Representation("grey")))(rain, LEADS)
    with pytest.raises(MethodError, match="four times as long"):
        Learned(tmp_path / "grey", tile=64)
    with pytest.raises(MethodError, match="precision float32 or bfloat16"):
        Learned(tmp_path / "grey", precision="int8")  # type: ignore[arg-type]


def test_by_name_and_by_folder(folder):
    assert method_named(str(folder)) == Learned(folder) and method_named(str(folder)).past_steps == 3
    for name in shipped_models():
        assert isinstance(method_named(name), GuidedForecast if name == "guided" else Learned)


def test_a_classical_method_never_imports_torch(tmp_path):
    code = """
import sys, numpy as np
from stormcell.data.synthetic import synthetic_storm
from stormcell.data.readers.odim import write_odim
write_odim(synthetic_storm(4, shape=(32, 32)), "radar")
sys.argv = ["stormcell", "nowcast", "radar", "-m", "advection", "--lead", "5min", "-o", "out.nc"]
from stormcell.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
import stormcell.methods.learned
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip().endswith("False"), done.stderr
