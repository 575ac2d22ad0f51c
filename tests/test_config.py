"""Experiment files: what they may say, and what they are told when they may not."""

import re
from pathlib import Path

import pytest

from stormcell.config import DataConfig, Experiment, TrainingConfig, as_toml, read_experiment
from stormcell.errors import ConfigError

LEAST = """
name = "least"
[data]
train = "radar.zarr"
[network]
name = "pyramid"
"""
EXPERIMENTS = sorted((Path(__file__).parents[1] / "experiments").rglob("*.toml"))


@pytest.fixture
def written(tmp_path):
    def write(text: str):
        (tmp_path / "experiment.toml").write_text(text)
        return tmp_path / "experiment.toml"

    return write


def test_what_is_left_out_has_a_default_that_is_written_down(written):
    experiment = read_experiment(written(LEAST))
    assert experiment.data.past == 5 and experiment.training.batch == 8 and experiment.loss == {"b-mse": 1.0, "b-mae": 1.0}
    assert read_experiment(written(as_toml(experiment))) == experiment
    assert "warm_up = 50" in as_toml(experiment)


def test_any_text_is_written_down_as_it_is(written):
    experiment = read_experiment(written(LEAST), ['data.train="a\\nb \\"c\\" \\\\ é"'])
    assert experiment.data.train == 'a\nb "c" \\ é'
    assert read_experiment(written(as_toml(experiment))) == experiment


def test_tables_within_tables_are_written_down(written):
    others = 'data.others=[{archive = "b.zarr", share = 0.25, scales = [2, 3]}]'
    experiment = read_experiment(written(LEAST), [others, "data.disturb={gain = 0.3}"])
    assert experiment.data.others[0].scales == (2, 3) and experiment.data.disturb is not None and experiment.data.disturb.gain == 0.3
    assert read_experiment(written(as_toml(experiment))) == experiment


def test_changes_from_the_command_line(written):
    changes = ["training.steps=7", "data.train=other.zarr", "network.hidden=[8, 16]", "data.augment=false", "loss={mse = 2.0}"]
    experiment = read_experiment(written(LEAST), changes)
    assert experiment.training.steps == 7 and experiment.data.train == "other.zarr" and not experiment.data.augment
    assert experiment.network == {"name": "pyramid", "hidden": [8, 16]} and experiment.loss == {"mse": 2.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["training.stepz=7"], "training.stepz: is not a key there is"),
        (["training.steps=0"], "training.steps: Input should be greater than or equal to 1, got 0"),
        (["training.steps"], "expected key=value"),
        (["name.more=1"], "name is a value, not a table"),
        (["data.train="], "train: expected the archive to learn from"),
        (["data.scales=[]"], "scales: expected factors of 1 or more"),
        (["network.name=3"], "network: expected a name"),
        (["loss={mse = 0.0}"], "weights above 0"),
        (["loss={cross-entropy = 1.0}"], 'goes with output = "sigmoid"'),
        (["training.devices=3"], "8 windows cannot be shared evenly by 3 devices"),
        (["name=../evil"], "name: String should match pattern"),
        (["seed=-1"], "seed: Input should be greater than or equal to 0, got -1"),
        (["training.betas=[1.5, 0.9]"], "training.betas.0: Input should be less than 1, got 1.5"),
        (["training.accelerator=abacus"], "training.accelerator: Input should be 'auto', 'cpu'.*got 'abacus'"),
        (["data.kind=moving-mnist"], "b-mse and b-mae weigh by rain rate"),
        (["data.kind=moving-mnist", "loss={mse = 1.0}", "training.monitor=csi"], "csi is of rain rates"),
        (["training.decoupling=0.1", "network.name=predrnn-v2"], "with training.scheduled_sampling above 0"),
        (["training.decoupling=0.1", "training.scheduled_sampling=9"], "is for predrnn-v2"),
        (["training.checkpoint_every=2", "network.normalise=batch"], "batch normalisation takes its statistics"),
    ],
)
def test_what_may_not_be_said(written, changes, message):
    with pytest.raises(ConfigError, match=message):
        read_experiment(written(LEAST), changes)


@pytest.mark.parametrize("schema", [Experiment, DataConfig, TrainingConfig])
def test_the_page_has_every_key(schema):
    """To it an unknown key is referred."""
    page = (Path(__file__).parents[1] / "docs" / "training.md").read_text()
    keys = {word.split(".")[-1] for row in page.splitlines() if row.startswith("| `") for word in re.findall(r"`([\w.]+)`", row)}
    assert {*schema.model_fields} - {"data", "network", "training"} <= keys


def test_files_that_are_none(written, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_experiment(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_experiment(written("name = "))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_experiments_of_the_project_are_short_and_sound(path):
    from stormcell.training.fit import make_module

    assert len(path.read_text().splitlines()) <= 40
    make_module(read_experiment(path))


def test_there_are_experiments():
    assert EXPERIMENTS
