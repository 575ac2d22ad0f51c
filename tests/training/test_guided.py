"""Guided networks from an archive to a model folder that forecasts."""

import numpy as np
import pytest
import torch

from stormcell.config import read_experiment
from stormcell.data.archive import Archive
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import ConfigError
from stormcell.frames import grid_of, step_of
from stormcell.methods import method_named
from stormcell.motion import advect
from stormcell.networks.checkpoint import load_checkpoint
from stormcell.networks.guided import SCALE
from stormcell.timeline import minutes
from stormcell.training.decisions import CANDIDATES, best_decisions
from stormcell.training.fit import make_module, train
from stormcell.training.guided_samples import Layout
from stormcell.training.sources import open_source

pytestmark = pytest.mark.filterwarnings("ignore::stormcell.training.sample_rule.FewSamplesWarning")

TINY = """
name = "tiny"
loss = {{exceedance = 1.0}}
[data]
train = "{archive}"
validation = "{archive}"
past = 3
future = 4
validation_windows = 4
validation_cover = 0.0
[network]
name = "guided"
hidden = [4, 6]
tail = 4
levels = [0.5, 2.0, 5.0]
squares = [3]
[training]
steps = 8
batch = 4
validate_every = 4
precision = "32-true"
threads = 1
"""


@pytest.fixture(scope="module")
def storm():
    return synthetic_storm(40, shape=(32, 32), seed=2)


@pytest.fixture
def tiny(storm, tmp_path):
    archive = tmp_path / "storm.zarr"
    with Archive.create(archive, grid_of(storm), step_of(storm), start=storm["time"].values[0]) as made:
        made.append(storm)
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.format(archive=archive))
    return lambda *changes: read_experiment(path, changes)


def test_a_run_leaves_a_method(tiny, tmp_path, storm, monkeypatch):
    monkeypatch.setattr("stormcell.training.member_shift._FEWEST", 10)  # so little rain is there
    best = train(tiny(), tmp_path / "run")
    network, config = load_checkpoint(best)
    assert config.network == "guided" and config.future_steps == 4 and {"csi_0.5", "csi_2", "csi_5"} <= set(config.scores)
    probabilities = network.decisions.sigmoid().numpy()
    assert np.abs(probabilities[..., None] - np.array(CANDIDATES)).min(axis=-1).max() < 1e-4  # found, and not the 0.35 to begin with
    assert network.member_shift.any()
    forecast = method_named(str(best))(storm[:5], minutes(5, 20, step=5))
    assert np.isfinite(forecast.values).any()


def test_it_has_a_decision_for_each_lead_time_of_its_windows(tiny):
    assert make_module(tiny("data.future=6")).guided.decisions.shape == (6, 3)
    with pytest.raises(ConfigError, match="network.steps: expected as many as data.future, 6, got 4; it may be left out"):
        tiny("data.future=6", "network.steps=4")


def test_the_same_run_twice_is_the_same_model(tiny, tmp_path):
    one, other = (load_checkpoint(train(tiny(), tmp_path / name))[0].state_dict() for name in ("one", "other"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_future_of_a_window_is_what_came(tiny, storm):
    """In its place; of the past, the last scan is."""
    experiment = tiny()
    source = open_source(experiment.data, experiment.seed, guided=True)
    layout = Layout(3, 4)
    values = next(iter(source.validation.sweep(4))).values
    assert values.shape[1] == layout.length == source.train.length == 13
    window = values[0]
    raw = next(iter(open_source(experiment.data, experiment.seed).validation.sweep(4))).values[0]
    np.testing.assert_array_equal(window[layout.scans][-1], raw[2])
    np.testing.assert_array_equal(window[layout.truth], raw[3:])


def test_it_counts_where_the_rain_comes_from_what_was_seen(tiny):
    """And the first guess is where S-PROG has it."""
    experiment = tiny()
    source, module = open_source(experiment.data, experiment.seed, guided=True), make_module(experiment)
    values = next(iter(source.validation.sweep(1))).values
    window = module.window_of(torch.from_numpy(values)[:, :, None])
    layout = Layout(3, 4)
    field = values[0][layout.guess][3]
    field[np.isnan(values[0][layout.scans][-1])] = np.nan
    moved = advect(field, values[0][layout.motion], [4])[0]
    np.testing.assert_array_equal(window.valid[0, 3].numpy(), np.isfinite(moved) & np.isfinite(values[0][layout.truth][3]))
    both = window.valid[0, 3].numpy() & (moved >= 0.5)
    assert both.any()
    np.testing.assert_allclose(SCALE.inverse(window.there)[0, 3].numpy()[both], moved[both], rtol=0.1, atol=0.1)


def test_the_decision_with_the_highest_csi():
    counts = np.zeros((3, 2, 2, len(CANDIDATES) + 1))
    low, high = CANDIDATES.index(0.1), CANDIDATES.index(0.5)
    counts[:, 0, 1, [low + 1, high + 1]] = 100, 300  # events: some where the network was not sure
    counts[:, 0, 0, [0, low + 1]] = 5000, 900  # saying it from 0.1 on costs 900 false alarms for 100 hits
    counts[:, 1, 1, 5] = 1  # too few to learn from
    best = best_decisions(counts)
    assert (best > 0.1).all() and (best <= 0.5).all() and (best[:, 1] == best[:, 0]).all()
    counts[:, 0, 0, low + 1] = 10
    assert (best_decisions(counts)[:, 0] <= 0.1).all()


def test_an_event_is_not_said_much_more_often_than_it_comes():
    """From 0.02 on all 1,200 events are caught with 900 false alarms, from 0.2 on 500 with 100: the first has the higher CSI."""
    counts = np.zeros((3, 1, 2, len(CANDIDATES) + 1))
    low, high = (int(np.argmin(np.abs(np.array(CANDIDATES) - p))) + 1 for p in (0.02, 0.2))
    counts[:, 0, 1, [low, high]], counts[:, 0, 0, [low, high]] = [700, 500], [800, 100]
    assert best_decisions(counts, most=None).max() <= 0.02
    assert 0.02 < best_decisions(counts).min() <= 0.2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("loss={mse = 1.0}", "exceedance"),
        ("network.name=pyramid", "exceedance"),
        ("representation.low_dbz=5.0", "representation of its own"),
        ("data.kind=moving-mnist", "archives of radar"),
    ],
)
def test_what_does_not_fit_is_refused(tiny, change, words):
    with pytest.raises(ConfigError, match=words):
        tiny(change)
