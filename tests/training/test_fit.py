"""From an experiment file to a model folder: the whole run, stopped and gone on with, shared by processes, gone wrong."""

import csv
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from stormcell.config import read_experiment
from stormcell.data.archive import Archive
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import ConfigError, MethodError, ReadError, TrainingError
from stormcell.frames import grid_of, step_of
from stormcell.networks.checkpoint import load_checkpoint
from stormcell.training import fit
from stormcell.training.fit import EXPERIMENT, find_learning_rate, train
from stormcell.training.sample_rule import FewSamplesWarning
from stormcell.training.saving import LAST
from stormcell.training.sources import Source

pytestmark = pytest.mark.filterwarnings("ignore::stormcell.training.sample_rule.FewSamplesWarning")

TINY = """
name = "tiny"
[data]
train = "{archive}"
validation = "{archive}"
past = 3
future = 3
validation_windows = 6
validation_cover = 0.0
[network]
name = "pyramid"
hidden = [6, 8]
tail = 4
dropout = 0.2
[training]
steps = 12
batch = 4
validate_every = 4
precision = "32-true"
threads = 1
diagnose_every = 6
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """Forty frames of a storm, 32 x 32 pixels."""
    storm = synthetic_storm(40, shape=(32, 32), seed=2)
    path = tmp_path_factory.mktemp("archive") / "storm.zarr"
    with Archive.create(path, grid_of(storm), step_of(storm), start=storm["time"].values[0]) as made:
        made.append(storm)
    return path


@pytest.fixture
def tiny(archive, tmp_path):
    def experiment(*changes: str):
        path = tmp_path / "tiny.toml"
        path.write_text(TINY.format(archive=archive))
        return read_experiment(path, changes)

    return experiment


def curve(folder: Path, quantity: str = "loss") -> list[tuple[int, float]]:
    with (folder / "curves.csv").open(newline="") as file:
        return [(int(row["step"]), float(row["value"])) for row in csv.DictReader(file) if row["quantity"] == quantity]


def test_a_run_leaves_a_network_that_forecasts(tiny, tmp_path):
    lines = []
    best = train(tiny(), tmp_path / "run", say=lambda line, keep: lines.append((line, keep)))
    network, config = load_checkpoint(best)
    assert config.network == "pyramid" and config.settings["hidden"] == [6, 8] and config.step_minutes == 5.0
    assert config.past_steps == 3 and config.data["fingerprint"] and config.training["windows_seen"] == 4 * config.training["steps"]
    assert network(torch.rand(1, 3, 1, 32, 32), 3).isfinite().all()
    assert [step for step, _ in curve(tmp_path / "run")] == list(range(1, 13))
    assert len(curve(tmp_path / "run", "validation_loss")) == 3 and len(curve(tmp_path / "run", "csi_0.5")) == 3
    kept = [line for line, keep in lines if keep]
    assert len(kept) == 3 and "step 12/12" in kept[-1] and "windows/s" in kept[-1] and "csi" in kept[-1]
    assert read_experiment(tmp_path / "run" / EXPERIMENT) == tiny()
    assert (tmp_path / "run" / "diagnostics.csv").is_file() and (tmp_path / "run" / "curves.png").is_file()
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def test_going_on_is_never_having_stopped(tiny, tmp_path):
    """The second run is stopped after its second validation, with dropout in use and the learning rate on its way down."""
    train(tiny(), tmp_path / "whole")

    class StopError(Exception):
        pass

    def stop(line: str, keep: bool) -> None:
        if keep and "step 8/12" in line:
            raise StopError

    with pytest.raises(StopError):
        train(tiny(), tmp_path / "parts", say=stop)
    assert (tmp_path / "parts" / LAST).is_file()
    train(tiny(), tmp_path / "parts", resume=True)
    for quantity in ("loss", "validation_loss", "learning_rate", "gradient_network"):
        assert curve(tmp_path / "parts", quantity) == curve(tmp_path / "whole", quantity)
    one, two = (load_checkpoint(tmp_path / run / "best")[0].state_dict() for run in ("whole", "parts"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_going_on_with_a_run_that_is_done_changes_nothing(tiny, tmp_path):
    train(tiny(), tmp_path / "run")
    before = curve(tmp_path / "run")
    assert train(tiny(), tmp_path / "run", resume=True) == tmp_path / "run" / "best"
    assert curve(tmp_path / "run") == before


@pytest.mark.parametrize(("fast", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_the_faster_precision_is_chosen_and_kept(tiny, tmp_path, monkeypatch, fast, precision):
    experiment = tiny("training.precision=auto", "training.steps=8")
    monkeypatch.setattr(fit, "has_fast_bfloat16", lambda device: fast)
    best = train(experiment, tmp_path / "run")
    assert load_checkpoint(best)[1].training["precision"] == precision
    assert read_experiment(tmp_path / "run" / "experiment.toml").training.precision == precision
    monkeypatch.setattr(fit, "has_fast_bfloat16", lambda device: not fast)  # another machine goes on with it
    train(experiment, tmp_path / "run", resume=True)


def test_a_slow_precision_is_told_of(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "has_fast_bfloat16", lambda device: False)
    lines: list[str] = []
    train(tiny("training.precision=bf16-mixed", "training.steps=4"), tmp_path / "run", say=lambda line, keep: lines.append(line))
    assert any("32-true may be many times faster" in line for line in lines)


def test_a_folder_belongs_to_one_run(tiny, tmp_path):
    with pytest.raises(ConfigError, match="nothing to go on from"):
        train(tiny(), tmp_path / "run", resume=True)
    train(tiny("training.steps=4"), tmp_path / "run")
    with pytest.raises(ConfigError, match="holds a run already; give --resume"):
        train(tiny(), tmp_path / "run")
    with pytest.raises(ConfigError, match="was begun with seed = 0, now seed = 1"):
        train(tiny("training.steps=4", "seed=1"), tmp_path / "run", resume=True)
    (tmp_path / "run" / LAST).unlink()  # to save room: the model is all that is wanted
    with pytest.raises(ConfigError, match="holds a model already, in best"):
        train(tiny("training.steps=4"), tmp_path / "run")


def test_too_fast_ends_with_the_cause(tiny, tmp_path):
    with pytest.raises(TrainingError, match=r"step \d+.*lower training.learning_rate"):
        train(tiny("training.learning_rate=1e30", "training.clip=0", "training.warm_up=0", "training.steps=50"), tmp_path / "run")


def test_patience_ends_a_run_that_learns_no_more(tiny, tmp_path):
    train(tiny("training.learning_rate=1e-12", "training.patience=1", "training.steps=60", "training.weight_decay=0.0"), tmp_path / "run")
    assert len(curve(tmp_path / "run")) < 60


@pytest.mark.parametrize(
    "changes",
    [
        ["training.precision=bf16-mixed"],
        ["training.truncate=2", "training.checkpoint_every=1"],
        ["training.clip_parts=true", "training.optimizer=rmsprop"],
        ["training.optimizer=adagrad", "training.schedule=step-decay"],
        ["training.optimizer=adam", "training.schedule=constant", "training.monitor=csi"],
        ['network={name = "predrnn", hidden = 4, layers = 2, patch = 4}', "training.scheduled_sampling=6"],
        ['network={name = "predrnn-v2", hidden = 4, layers = 2}', "training.scheduled_sampling=6", "training.decoupling=0.1"],
        ['network={name = "convlstm", hidden = [4], normalise = "layer", quantize = "lab"}'],
        ['network={name = "fc-lstm", rows = 32, columns = 32, units = [8]}', "loss={mse = 1.0, mae = 1.0, multi-scale = 0.5}"],
        ["data.size=16", "data.scales=[1, 2]", "data.time_reversal=true"],
    ],
    ids=lambda changes: changes[0],
)
def test_ways_to_train(tiny, tmp_path, changes):
    best = train(tiny("training.steps=4", "training.diagnose_every=0", *changes), tmp_path / "run")
    losses = [loss for _, loss in curve(tmp_path / "run")]
    assert len(losses) == 4 and np.isfinite(losses).all() and load_checkpoint(best)


def test_quantised_weights_are_kept_with_the_curvature_of_their_last_step(tiny, tmp_path):
    quantised = 'network={name = "convlstm", hidden = [4], quantize = "lab"}'
    train(tiny("training.steps=4", "training.diagnose_every=0", quantised), tmp_path / "run")
    stored = torch.load(tmp_path / "run" / LAST, weights_only=True)
    curvatures = [value for name, value in stored["state_dict"].items() if name.endswith("curvature")]
    moments = [state["exp_avg_sq"].sqrt() + 1e-8 for state in stored["optimizer_states"][0]["state"].values()]
    assert curvatures and all(any(torch.equal(curvature, moment) for moment in moments) for curvature in curvatures)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.scheduled_sampling=9", "is for networks that forecast frame by frame, not for pyramid"),
        ("network.tail=5000", "expected a number up to 4096"),
        ("data.future=1001", "expected future_steps from 1 to 1000"),
    ],
)
def test_what_cannot_be_trained_or_kept_is_known_before_the_first_step(tiny, tmp_path, monkeypatch, change, message):
    def fit(*_, **__):
        raise AssertionError("training began")

    monkeypatch.setattr("stormcell.training.fit.Trainer.fit", fit)
    monkeypatch.setattr("stormcell.training.fit.open_source", lambda *_, **__: Source(None, None, None, 1, 5.0, 1.0, {}))
    with pytest.raises((ConfigError, MethodError), match=message):
        train(tiny(change), tmp_path / "run")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is what is to be missing")
def test_a_machine_without_the_accelerator(tiny, tmp_path):
    with pytest.raises(ConfigError, match="training.accelerator = cuda, devices = 1: not on this machine"):
        train(tiny("training.accelerator=cuda"), tmp_path / "run")


def test_truncation_changes_what_is_learnt(tiny, tmp_path):
    for name, changes in {"whole": [], "cut": ["training.truncate=1"]}.items():
        train(tiny("training.steps=4", "network.dropout=0.0", *changes), tmp_path / name)
    whole, cut = curve(tmp_path / "whole"), curve(tmp_path / "cut")
    assert whole[0] == cut[0] and whole[-1] != cut[-1]


def test_few_samples_are_warned_of(tiny, tmp_path):
    with pytest.warns(FewSamplesWarning, match="35 windows to train on"):
        train(tiny("training.steps=1", "training.diagnose_every=0"), tmp_path / "run")


def test_the_rate_is_found_where_the_loss_falls(tiny, tmp_path):
    rate = find_learning_rate(tiny("network.dropout=0.0"), tmp_path / "run")
    assert 1e-5 < rate < 1.0 and (tmp_path / "run" / "learning_rate.png").is_file()


def test_the_rate_is_found_for_the_weights_that_training_starts_from(tiny, tmp_path):
    with pytest.raises(ReadError, match="absent"):
        find_learning_rate(tiny(f"training.start_from={tmp_path / 'absent'}"), tmp_path / "run")


def test_two_processes_learn_what_one_does(tiny, tmp_path):
    """Each has half of every batch, and pixels that count in different numbers; the weights come out as from one process."""
    script = textwrap.dedent(
        """
        import sys, warnings
        from stormcell.config import read_experiment
        from stormcell.training.fit import train
        warnings.simplefilter("ignore")
        changes = ["training.steps=4", "training.diagnose_every=0", "network.dropout=0.0", f"training.devices={sys.argv[3]}"]
        train(read_experiment(sys.argv[1], changes), sys.argv[2])
        """
    )
    tiny()
    (tmp_path / "run.py").write_text(script)  # a file: the second process is started by its name
    for devices in ("1", "2"):
        done = subprocess.run(
            [sys.executable, str(tmp_path / "run.py"), str(tmp_path / "tiny.toml"), str(tmp_path / devices), devices],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    one, two = (load_checkpoint(tmp_path / devices / "best")[0].state_dict() for devices in ("1", "2"))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-5)
