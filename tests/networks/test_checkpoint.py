"""What is stored comes back, nothing stored is lost, and nothing odd is taken."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from stormcell.errors import MethodError, ReadError, WriteError
from stormcell.networks.architectures import build_network
from stormcell.networks.checkpoint import ModelConfig, fingerprint_of, load_checkpoint, read_config, save_checkpoint
from stormcell.networks.representation import Representation

SETTINGS = {"hidden": [4, 4], "patch": 2, "input_kernel": 3, "state_kernel": 3}


def config(**changes) -> ModelConfig:
    plain = {"network": "convlstm", "settings": SETTINGS, "step_minutes": 5.0, "pixel_km": 3.75, "past_steps": 5, "future_steps": 15}
    return ModelConfig(**(plain | changes))


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    described = config(
        representation=Representation(high_dbz=52.3),
        output="sigmoid",
        data={"name": "TAASRAD19"},
        scores={"csi": 0.4, "b_mse": float("nan")},
    )
    return save_checkpoint(tmp_path / "model", build_network("convlstm", SETTINGS), described, title="A | model")


def test_what_is_stored_comes_back(tmp_path):
    network = build_network("convlstm", SETTINGS).eval()
    stored = config(output="sigmoid", data={"name": "TAASRAD19"}, training={"steps": 100})
    folder = save_checkpoint(tmp_path / "a" / "model", network, stored, title="Convolutions")
    state = torch.random.get_rng_state()
    loaded, described = load_checkpoint(folder)
    assert torch.equal(torch.random.get_rng_state(), state), "loading draws nothing from the caller's random numbers"
    assert described == stored and not loaded.training and not any(weight.requires_grad for weight in loaded.parameters())
    past = torch.rand(2, 3, 1, 8, 8)
    assert torch.equal(network(past, 2), loaded(past, 2))
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert os.listdir(folder.parent) == ["model"], "nothing temporary is left"


def test_a_guided_model_from_before_members_had_a_shift(tmp_path):
    settings = {"levels": [0.5, 2.0], "hidden": [4], "tail": 4, "steps": 2, "squares": [3]}
    folder = save_checkpoint(tmp_path / "m", build_network("guided", settings), config(network="guided", settings=settings), title="Older")
    weights = folder / "model.safetensors"
    save_file({name: tensor for name, tensor in load_file(weights).items() if name != "member_shift"}, weights)
    loaded, _ = load_checkpoint(folder)
    assert loaded.member_shift.tolist() == [0.0, 0.0]
    save_file({name: tensor for name, tensor in load_file(weights).items() if name != "decisions"}, weights)
    with pytest.raises(ReadError, match="'decisions', which is missing"):
        load_checkpoint(folder)


@pytest.mark.parametrize("settings", [{"normalise": "batch"}, {"quantize": "ter-connect"}, {"normalise": "layer", "quantize": "lab"}])
def test_wrapped_cells_come_back(tmp_path, settings):
    settings = {"hidden": [4], "patch": 1, **settings}
    network = build_network("convlstm", settings).eval()
    loaded, _ = load_checkpoint(save_checkpoint(tmp_path / "m", network, config(settings=settings), title="Wrapped"))
    past = torch.rand(1, 3, 1, 6, 6)
    assert torch.equal(network(past, 2), loaded(past, 2))


def test_half_precision_takes_half_the_room(tmp_path):
    network = build_network("convlstm", SETTINGS)
    whole = save_checkpoint(tmp_path / "whole", network, config(), title="Whole") / "model.safetensors"
    half = save_checkpoint(tmp_path / "half", network, config(), title="Half", weights=torch.float16)
    assert (half / "model.safetensors").stat().st_size < 0.7 * whole.stat().st_size
    loaded = load_checkpoint(half)[0].state_dict()
    for name, weight in network.state_dict().items():
        torch.testing.assert_close(loaded[name], weight.half().float())


def test_fingerprint_tells_models_apart(folder, tmp_path):
    network, stored = load_checkpoint(folder)
    same = save_checkpoint(tmp_path / "same", network, stored, title="Other words")
    other = save_checkpoint(tmp_path / "other", build_network("convlstm", SETTINGS), stored, title="A | model")
    assert re.fullmatch("[0-9a-f]{16}", fingerprint_of(folder)) and fingerprint_of(same) == fingerprint_of(folder)
    assert len({fingerprint_of(folder), fingerprint_of(other)}) == 2


def test_model_card_in_the_layout_of_the_hub(folder):
    yaml = pytest.importorskip("yaml")
    _, head, body = (folder / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(head)
    assert facts["library_name"] == "stormcell" and "convlstm" in facts["tags"] and facts["license"] == "other"
    assert "# A | model" in body and "| name | TAASRAD19 |" in body and "| csi | 0.4 |" in body and "| b_mse | - |" in body


@pytest.mark.parametrize(("said", "shown"), [("CC-BY-4.0", "cc-by-4.0"), ("not stated; research use", "other"), ("", "other")])
def test_weights_have_the_licence_of_their_data(tmp_path, said, shown):
    folder = save_checkpoint(tmp_path / "m", build_network("convlstm", SETTINGS), replace(config(), data={"licence": said}), title="M")
    assert f"\nlicense: {shown}\n" in (folder / "README.md").read_text()


def test_numbers_that_are_none_are_null(folder):
    assert json.loads((folder / "config.json").read_text())["scores"] == {"csi": 0.4, "b_mse": None}


# ---- nothing stored is lost


def test_a_newer_one_takes_its_place(folder):
    newer = build_network("convlstm", SETTINGS)
    save_checkpoint(folder, newer, config(), title="Newer")
    assert torch.equal(load_checkpoint(folder)[0].state_dict()["head.weight"], newer.state_dict()["head.weight"])
    assert os.listdir(folder.parent) == ["model"]


def test_a_folder_of_somebodys_is_left_alone(folder):
    (folder / "thesis.tex").write_text("years of work")
    before = sorted(folder.iterdir())
    with pytest.raises(WriteError, match="holds thesis.tex, which belongs to no checkpoint"):
        save_checkpoint(folder, build_network("convlstm", SETTINGS), config(), title="Newer")
    assert sorted(folder.iterdir()) == before
    with pytest.raises(WriteError, match="is a file"):
        save_checkpoint(folder / "thesis.tex", build_network("convlstm", SETTINGS), config(), title="Newer")


def test_a_failure_on_the_way_leaves_the_old_one(folder, monkeypatch):
    before = fingerprint_of(folder)
    monkeypatch.setattr("stormcell.networks.checkpoint.model_card", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(WriteError, match="No space left"):
        save_checkpoint(folder, build_network("convlstm", SETTINGS), config(), title="Newer")
    assert fingerprint_of(folder) == before and os.listdir(folder.parent) == ["model"]


def test_between_the_two_moves_the_old_one_is_found(folder, monkeypatch):
    """As if killed after the old folder was moved aside, before the new one stands."""
    before, rename = fingerprint_of(folder), os.rename

    def dies(source, target):
        if str(source).endswith(".partial"):
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "rename", dies)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(folder, build_network("convlstm", SETTINGS), config(), title="Newer")
    monkeypatch.undo()
    assert not folder.exists() and fingerprint_of(folder) == before and load_checkpoint(folder)
    save_checkpoint(folder, build_network("convlstm", SETTINGS), config(), title="Newest")
    assert fingerprint_of(folder) != before and os.listdir(folder.parent) == ["model"]


def test_killed_at_any_moment(tmp_path):
    """A process writes the same folder over and over, and is killed; what is found loads."""
    code = f"""
import torch
from tests.networks.test_checkpoint import SETTINGS, build_network, config, save_checkpoint
network = build_network("convlstm", SETTINGS)
while True:
    save_checkpoint({str(tmp_path / "model")!r}, network, config(), title="Again")
    print("saved", flush=True)
"""
    for wait in (0.0, 0.003, 0.011):
        writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None and writer.stdout.readline() == "saved\n"
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        load_checkpoint(tmp_path / "model")


def test_what_cannot_be_stored_is_refused_first(tmp_path):
    network = build_network("convlstm", SETTINGS)
    with pytest.raises(MethodError, match=r"expected the weight .* of shape"):
        save_checkpoint(tmp_path / "m", network, config(settings=SETTINGS | {"hidden": [4, 8]}), title="Another")
    with pytest.raises(MethodError, match="cannot be stored as JSON"):
        save_checkpoint(tmp_path / "m", network, config(data={"name": object()}), title="Odd")
    network.head.weight.data.fill_(float("nan"))
    with pytest.raises(MethodError, match="not finite"):
        save_checkpoint(tmp_path / "m", network, config(), title="Broken")
    assert list(tmp_path.iterdir()) == []


# ---- nothing odd is taken


def change(folder, **keys):
    path = folder / "config.json"
    content = json.loads(path.read_text())
    for key, value in keys.items():
        if value is None:
            del content[key]
        else:
            content[key] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"surprise": 1}, "surprise: expected only the keys network, settings"),
        ({"network": None}, "network"),
        ({"network": "os.system"}, "unknown network 'os.system'"),
        ({"format": 2}, "format"),
        ({"output": "softmax"}, "output"),
        ({"past_steps": "5"}, "past_steps"),
        ({"past_steps": 0}, "past_steps from 1 to 1000"),
        ({"step_minutes": -5.0}, "step_minutes above 0"),
        ({"pixel_km": True}, "pixel_km"),
        ({"representation": {"a": "200"}}, "representation"),
        ({"representation": {"quantity": "reflectivity", "extra": 1}}, "representation"),
        ({"representation": {"a": -1.0}}, "representation"),
        ({"settings": {"hidden": [4, 4], "code": "import os"}}, "no setting 'code'"),
        ({"settings": {"hidden": [4] * 100}}, "at most 64"),
        ({"settings": {"hidden": [10**12]}}, "up to 4096"),
        ({"settings": {"hidden": {"deep": 1}}}, "expected a number, a short word"),
        ({"settings": {"hidden": "4"}}, "config.json"),
        ({"settings": {"hidden": [-4, 4]}}, "config.json"),
        ({"settings": {"patch": 0}}, "config.json"),
        ({"settings": {"hidden": [4, 8], "patch": 2}}, "belong to different networks"),
        ({"settings": SETTINGS | {"state_kernel": 5}}, r"expected the weight .* of shape"),
        ({"network": "predrnn", "settings": {"hidden": 8}}, "which is missing"),
    ],
)
def test_a_configuration_that_is_odd(folder, keys, says):
    change(folder, **keys)
    with pytest.raises(ReadError, match=says):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": NaN}', b" " * (2**20 + 1)], ids=lambda b: repr(b[:12])
)
def test_a_configuration_that_is_none(folder, content):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ReadError, match=r"config\.json"):
        read_config(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        pickle.dumps({"a": print}),
        (2**60).to_bytes(8, "little") + b"{}",
        b"\x10\x00\x00\x00\x00\x00\x00\x00{broken json...}",
    ],
    ids=["empty", "zeros", "pickle", "huge header", "broken header"],
)
def test_weights_that_are_none(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ReadError, match="expected weights in the safetensors format"):
        load_checkpoint(folder)


def test_weights_that_were_cut_short(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ReadError, match="safetensors"):
        load_checkpoint(folder)


def test_weights_of_another_kind(folder):
    path = folder / "model.safetensors"
    state = load_file(path)
    for wrong, says in (
        (state | {"extra": torch.zeros(1)}, "holds 'extra', which is no weight"),
        (state | {"head.bias": torch.full_like(state["head.bias"], float("inf"))}, "not finite"),
        (state | {"head.bias": state["head.bias"].long()}, "expected torch.float32 in 'head.bias', got torch.int64"),
    ):
        save_file(wrong, path)
        with pytest.raises(ReadError, match=says):
            load_checkpoint(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_is_missing(folder, name):
    (folder / name).unlink()
    with pytest.raises(ReadError, match=f"there is no {name}"):
        load_checkpoint(folder)


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(ReadError, match=r"expected a folder with model.safetensors and config.json"):
        load_checkpoint(tmp_path / "nowhere")


def test_through_a_link_the_old_model_is_found_too_while_the_new_one_moves_in(folder):
    link = folder.parent / "current"
    link.symlink_to(folder)
    os.rename(folder, folder.with_name(f".{folder.name}.previous"))  # between the two moves of a writer
    assert read_config(link) == read_config(folder)


def test_loading_a_network_does_not_load_torchs_compiler(tmp_path):
    """It would take longer than a nowcast."""
    folder = save_checkpoint(tmp_path / "m", build_network("convlstm", SETTINGS), config(), title="M")
    load = f"from stormcell.networks.checkpoint import load_checkpoint; load_checkpoint({str(folder)!r})"
    code = f"import sys; {load}; sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
