"""`stormcell models export`: what it writes, and that it is the network."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from stormcell.cli import app
from stormcell.data.readers.odim import write_odim
from stormcell.errors import MethodError
from stormcell.methods.export import _windows, export_model
from stormcell.methods.shipped import shipped_models
from stormcell.runtimes.export import FORMATS
from tests.conftest import frames_of
from tests.methods.tiny_models import save_tiny


def test_the_command_writes_two_steps_and_says_how_near_they_are(tmp_path):
    pytest.importorskip("onnxscript")
    ort = pytest.importorskip("onnxruntime")
    tiny, target = save_tiny(tmp_path / "tiny"), tmp_path / "exported"
    result = CliRunner().invoke(app, ["models", "export", str(tiny), "--to", "onnx", "-o", str(target)], catch_exceptions=False)
    assert result.exit_code == 0
    largest, mean = map(float, re.search(r"largest difference (\S+), mean (\S+);", result.output).groups())
    assert 0 <= mean <= largest < 1e-5
    about = json.loads((target / "steps.json").read_text())
    assert about["states"] == [{"channels": 4, "stride": 2}, {"channels": 4, "stride": 4}] and about["multiple"] == 4
    for step in ("encoder", "forecaster"):
        session = ort.InferenceSession(target / f"{step}.onnx", providers=["CPUExecutionProvider"])
        assert [port.name for port in session.get_inputs()] == about[step]["inputs"]
        assert [port.name for port in session.get_outputs()] == about[step]["outputs"]
        assert all(isinstance(port.shape[axis], str) for port in session.get_inputs() for axis in (0, 2, 3))


def test_int8_is_calibrated_with_the_wettest_of_what_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr("stormcell.methods.export._KINDS", 2)
    rain = np.zeros((8, 32, 32))
    for start, rows in ((0, 4), (2, 15), (4, 32), (6, 9)):  # of pasts of two scans
        rain[start : start + 2, :rows] = 3.0
    write_odim(frames_of(rain), tmp_path)
    sorted(tmp_path.iterdir())[4].unlink()  # of the wettest past of all
    pasts = _windows([str(tmp_path)], SimpleNamespace(past_steps=2))
    assert [int((past >= 0.5).sum()) // 64 for past in pasts] == [15, 9]


def test_what_cannot_be_exported_is_told(tmp_path):
    tiny = save_tiny(tmp_path / "tiny")
    with pytest.raises(MethodError, match="onnx, openvino, torch-export"):
        export_model(str(tiny), "coreml", tmp_path / "x")
    with pytest.raises(MethodError, match="not for 'torch-export'"):
        pytest.importorskip("onnxruntime")
        export_model(str(tiny), "torch-export", tmp_path / "x", int8="dynamic")
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", shipped_models())
def test_every_network_that_ships_is_the_same_in_every_format(name, form, tmp_path):
    if form != "torch-export":
        pytest.importorskip({"onnx": "onnxruntime", "openvino": "openvino"}[form])
    _, difference = export_model(name, form, tmp_path / name)
    assert difference.largest < 1e-5 * difference.span
