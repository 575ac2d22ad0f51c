"""Every runtime makes the forecast that torch makes."""

import importlib.util
import json

import numpy as np
import pytest

from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import MethodError, MissingExtraError, WriteError
from stormcell.methods import Advection, GuidedForecast, Learned
from stormcell.methods.calibrated import Calibrated
from stormcell.methods.in_runtime import FASTEST, has_network, in_fastest, in_runtime
from stormcell.methods.trained_model import TrainedModel
from stormcell.runtimes import RUNTIMES
from stormcell.runtimes.exported import cache_folder
from stormcell.timeline import minutes
from tests.methods.tiny_models import save_tiny

NEAR = 1e-3  # mm/h


def installed(name: str) -> bool:
    return importlib.util.find_spec(RUNTIMES[name].package) is not None


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def past():
    return synthetic_storm(4, shape=(50, 62))


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_forecast_is_that_of_torch(name, tiny, past):
    if not installed(name):
        pytest.skip(f"{RUNTIMES[name].package} is not installed")
    leads = minutes(5, 30, step=5)
    method = in_runtime(Learned(tiny), name)
    expected, made = Learned(tiny)(past, leads), method(past, leads)
    assert expected.max() > 0.5
    np.testing.assert_allclose(made.values, expected.values, rtol=0, atol=NEAR)
    assert made.attrs.get("runtime") == (None if name == "torch" else f"{name}, float32")
    another = past[:, :, :40]  # the same files take any batch and grid
    together = method.batch([another, another + 0.5], leads)
    for one, whole in zip(together, Learned(tiny).batch([another, another + 0.5], leads), strict=True):
        np.testing.assert_allclose(one.values, whole.values, rtol=0, atol=NEAR)


def test_a_guided_model_runs_in_another_runtime(tmp_path, past):
    if not installed("onnxruntime"):
        pytest.skip("onnxruntime is not installed")
    folder = save_tiny(tmp_path / "led", network="guided", settings={"hidden": [4, 6], "tail": 4})
    leads = minutes(5, 20, step=5)
    plain = GuidedForecast(folder, precision="float32", product="mean")
    made = in_runtime(GuidedForecast(folder, product="mean"), "onnxruntime")(past, leads)
    np.testing.assert_allclose(made.values, plain(past, leads).values, rtol=0, atol=NEAR)


@pytest.mark.parametrize("name", [name for name, runtime in RUNTIMES.items() if "int8" in runtime.precisions])
def test_numbers_of_8_bits_are_near(name, tiny, past):
    if not installed(name) or not installed("onnxruntime"):
        pytest.skip("onnxruntime, which quantises, or the runtime is not installed")
    leads = minutes(5, 15, step=5)
    expected, made = Learned(tiny)(past, leads), in_runtime(Learned(tiny), f"{name}:int8")(past, leads)
    off = np.abs(made.values - expected.values)[np.isfinite(expected.values)]
    assert 0 < off.mean() < 0.05 * np.nanmean(expected.values)


def test_what_was_exported_once_is_kept(tiny, past):
    if not installed("onnxruntime"):
        pytest.skip("onnxruntime is not installed")
    method = in_runtime(Learned(tiny), "onnxruntime")
    method(past, minutes(5, 5, step=5))
    (kept,) = cache_folder().glob(f"{method.identity.removeprefix('model ')}-onnx-?/steps.json")
    before = kept.stat().st_mtime_ns
    in_runtime(Learned(tiny), "onnxruntime")(past, minutes(5, 5, step=5))
    assert kept.stat().st_mtime_ns == before


def test_a_cache_that_cannot_be_written_is_told(tiny, past, tmp_path, monkeypatch):
    if not installed("onnxruntime"):
        pytest.skip("onnxruntime is not installed")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(WriteError, match="XDG_CACHE_HOME"):
        in_runtime(Learned(tiny), "onnxruntime")(past, minutes(5, 5, step=5))


def test_a_runtime_that_is_not_installed_is_told_with_its_extra(tiny, monkeypatch):
    monkeypatch.setattr("stormcell.runtimes.runtime.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"the runtime openvino needs openvino.*stormcell\[openvino\]"):
        in_runtime(Learned(tiny), "openvino")


def test_what_a_runtime_cannot_do_is_refused(tiny):
    with pytest.raises(MethodError, match="unknown runtime 'tflite': expected one of torch, onnxruntime, openvino"):
        in_runtime(Learned(tiny), "tflite")
    with pytest.raises(MethodError, match="no network"):
        in_runtime(Advection(), "torch")
    with pytest.raises(MethodError, match="float32 or bfloat16, not in 'int8'"):
        in_runtime(Learned(tiny), "torch:int8")


def test_what_a_method_wraps_is_run_elsewhere_too(tiny):
    wrapped = in_runtime(Calibrated(Learned(tiny), None), "torch:bfloat16")
    assert has_network(wrapped) and wrapped.method.precision == "bfloat16"
    assert not has_network(Advection()) and not has_network(Calibrated(Advection(), None))


def test_the_files_that_ship_are_of_the_weights_that_ship():
    trained = TrainedModel("guided")
    about = json.loads((trained.folder / f"onnx-{FASTEST.partition(':')[2]}" / "steps.json").read_text("utf-8"))
    assert about["fingerprint"] == trained.fingerprint


def test_what_transposed_convolutions_read_has_no_offset():
    """With one, OpenVINO runs them in float32."""
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(TrainedModel("guided").folder / f"onnx-{FASTEST.partition(':')[2]}" / "forecaster.onnx").graph
    made_by = {name: node for node in graph.node for name in node.output}
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    inputs = [made_by[node.input[0]] for node in graph.node if node.op_type == "ConvTranspose"]
    offsets = [values[node.input[2]] for node in inputs]
    assert [node.op_type for node in inputs] == ["DequantizeLinear"] * 2
    assert offsets == [0, 0] and {one.dtype.name for one in offsets} == {"int8"}


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_what_ships_runs_in_8_bits_without_an_export(name, tmp_path, monkeypatch):
    if not installed(name):
        pytest.skip(f"{name} is not installed")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # nothing can be kept there
    past, leads = synthetic_storm(6, shape=(160, 160)), minutes(5, 30, step=5)
    fast = in_fastest(GuidedForecast("guided")) if FASTEST.startswith(name) else in_runtime(GuidedForecast("guided"), f"{name}:int8")
    made, expected = fast(past, leads), GuidedForecast("guided")(past, leads)
    assert made.attrs["runtime"] == f"{name}, int8" and expected.max() > 2
    off = np.abs(made.values - expected.values)[np.isfinite(expected.values)]
    assert 0 < off.mean() < 0.05 * np.nanmean(expected.values)


def test_without_the_fastest_a_method_stays_as_it_is(tiny, monkeypatch):
    for method in (Advection(), Learned(tiny)):
        assert in_fastest(method) is method
    guided = GuidedForecast("guided")
    monkeypatch.setattr("stormcell.runtimes.runtime.find_spec", lambda name: None)
    assert in_fastest(guided) is guided


def test_a_service_runs_its_networks_in_the_runtime_of_its_settings(tiny, monkeypatch):
    from stormcell.service.live import _built

    assert _built("guided", "torch").runtime == "torch"
    assert _built("guided", None).runtime == ("openvino" if installed("openvino") else "torch")

    assert _built(str(tiny), "torch:bfloat16").precision == "bfloat16"
    assert _built(str(tiny), None) == Learned(tiny)
    assert isinstance(_built("advection", "torch:bfloat16"), Advection)
