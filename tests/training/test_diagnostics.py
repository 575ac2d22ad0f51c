import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from stormcell.config import TrainingConfig
from stormcell.networks.architectures import build_network
from stormcell.networks.losses import LOSSES
from stormcell.networks.representation import Representation
from stormcell.training.curves import CURVES
from stormcell.training.diagnostics import DIAGNOSTICS, PICTURE, Diagnostics, draw_run, gradient_by_lag
from stormcell.training.learning_rate import constant
from stormcell.training.module import NowcastModule


@pytest.mark.parametrize("keep", [0.5, 1.0, 2.0])
def test_gradient_of_a_linear_recurrence_by_hand(keep):
    """h_t = keep h_(t-1) + x_t, L = h_T: dL/dx_t = keep^(T - t), for each of 2 sequences."""

    def loss_of(past):
        h = torch.zeros(2)
        for step in range(past.shape[1]):
            h = keep * h + past[:, step]
        return h.sum()

    assert gradient_by_lag(loss_of, torch.rand(2, 5)) == pytest.approx([2**0.5 * keep**lag for lag in range(5)])


def test_it_leaves_no_gradient_on_weights_and_works_where_gradients_are_off():
    weight = torch.ones(1, requires_grad=True)
    past = torch.ones(1, 3)
    with torch.no_grad():
        assert gradient_by_lag(lambda x: (weight * x).sum(), past) == [1.0, 1.0, 1.0]
    assert weight.grad is None and not past.requires_grad


NETWORKS = {
    "convlstm": {"hidden": [4], "patch": 2},
    "predrnn": {"hidden": 4, "layers": 1, "kernel": 3},
    "pyramid": {"cell": "trajgru", "hidden": [4, 4], "links": 2, "dropout": 0.3},
}


def module_of(name="pyramid", **settings):
    torch.manual_seed(0)
    how = TrainingConfig(precision="32-true", **settings)
    network = build_network(name, NETWORKS[name])
    return NowcastModule(network, LOSSES["b-mse"], Representation(), 3, how, sigmoid=False, schedule=constant, seed=1)


def batches(count):
    draw = torch.Generator().manual_seed(2)
    for number in range(count):
        rain_rate = 20 * torch.rand(4, 5, 1, 16, 16, generator=draw).pow(4)
        rain_rate[0, :, :, :3] = float("nan")
        yield number, rain_rate


def run(folder, steps, *, every=2, name="pyramid", callbacks=None, **settings):
    """Train for some steps; the weights afterwards."""
    module = module_of(name, **settings)
    trainer = Trainer(
        max_steps=steps,
        accelerator="cpu",
        callbacks=[Diagnostics(folder, every=every)] if callbacks is None else callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, train_dataloaders=DataLoader([*batches(steps)], batch_size=None))
    return {key: value.clone() for key, value in module.network.state_dict().items()}


@pytest.fixture(autouse=True)
def _quiet():
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning.*")
        warnings.filterwarnings("ignore", message=".*treespec.*")  # Lightning's own, with torch 2.13
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        yield


@pytest.mark.parametrize("name", NETWORKS)
def test_looks_at_the_first_step_and_every_so_many(name, tmp_path):
    run(tmp_path, 5, name=name)
    table = pd.read_csv(tmp_path / DIAGNOSTICS)
    assert table.columns.tolist() == ["step", "quantity", "where", "value"]
    assert sorted(set(table["step"])) == [1, 2, 4]
    gradient = table[table["quantity"] == "gradient"]
    assert gradient["where"].astype(int).tolist() == [0, 1, 2] * 3 and (gradient["value"] > 0).all()
    shares = table[table["quantity"] != "gradient"]["value"]
    assert shares.between(0, 1).all() and "flat sigmoid" in set(table["quantity"]) and "dead sigmoid" in set(table["quantity"])
    assert table["value"].notna().all()


def test_the_training_is_the_same_with_and_without(tmp_path):
    with_it, without = run(tmp_path, 4, every=1), run(tmp_path, 4, callbacks=[])
    assert all(torch.equal(with_it[key], without[key]) for key in without)


@pytest.mark.parametrize("settings", [{"truncate": 1}, {"checkpoint_every": 1}])
def test_gradients_that_are_cut_or_computed_anew(settings, tmp_path):
    run(tmp_path, 1, **settings)
    gradient = pd.read_csv(tmp_path / DIAGNOSTICS).query("quantity == 'gradient'")["value"]
    assert gradient.tolist()[1:] == [0.0, 0.0] if "truncate" in settings else (gradient > 0).all()


def test_rows_of_steps_that_are_made_anew_are_left_out(tmp_path):
    path = tmp_path / DIAGNOSTICS
    path.write_text("step,quantity,where,value\n2,gradient,0,0.5\n7,gradient,0,0.5\n8,gra", "utf-8")

    class AtStepFive:
        is_global_zero, global_step = True, 5

    Diagnostics(tmp_path, every=2).on_train_start(AtStepFive(), None)
    assert path.read_text("utf-8").split() == ["step,quantity,where,value", "2,gradient,0,0.5"]


def test_a_run_is_drawn_with_and_without_diagnostics(tmp_path):
    steps = np.arange(1, 6)
    pd.DataFrame({"step": steps, "quantity": "loss", "value": 1.0 / steps}).to_csv(tmp_path / CURVES, index=False)
    draw_run(tmp_path)
    small = (tmp_path / PICTURE).stat().st_size
    run(tmp_path, 3)
    assert (tmp_path / PICTURE).stat().st_size > small
