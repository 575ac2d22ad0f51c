import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stormcell.products.pictures.training_curves import draw_range_test, draw_training_curves


def curves(steps=200, validations=4):
    step = np.arange(1, steps + 1)
    rows = pd.DataFrame({"step": step, "quantity": "loss", "value": 1.0 / step + 0.1})
    at = np.linspace(1, steps, validations, dtype=int)
    return pd.concat([rows, pd.DataFrame({"step": at, "quantity": "validation_loss", "value": 1.2 / at + 0.1})], ignore_index=True)


def diagnostics():
    rows = []
    for step in (1, 50, 100, 200):
        rows += [(step, "gradient", str(lag), 0.5**lag / step) for lag in range(5)]
        rows += [(step, f"{what} {kind}", cell, 0.1) for what in ("flat", "dead") for kind in ("sigmoid", "tanh") for cell in ("a", "b")]
    return pd.DataFrame(rows, columns=["step", "quantity", "where", "value"])


def text_of(path):
    """Everything that is written in an SVG, as its comments tell."""
    return path.read_text("utf-8")


def test_losses_alone_make_one_panel_and_diagnostics_four(tmp_path):
    draw_training_curves(curves(), tmp_path / "one.png")
    draw_training_curves(curves(), tmp_path / "four.png", diagnostics=diagnostics())
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "four.png") as four:
        assert four.width > 1.8 * one.width and four.height == 2 * one.height


def test_every_panel_says_what_it_shows(tmp_path):
    draw_training_curves(curves(), tmp_path / "four.svg", diagnostics=diagnostics())
    said = text_of(tmp_path / "four.svg")
    for words in (
        "Losses",
        "training, mean of 20 steps",
        "validation",
        "steps back from the newest past frame",
        "step 200",
        "tanh saturated",
    ):
        assert f"<!-- {words} -->" in said
    assert "leaky ReLU" not in said  # there is none


@pytest.mark.parametrize(
    "table",
    [
        curves(1, 1),
        curves(3, 1),
        curves().query("quantity == 'loss'"),
        curves().assign(value=0.0),
        curves().assign(value=np.nan),
        curves().iloc[:0],
    ],
    ids=["one step", "few steps", "no validation", "zero", "nan", "nothing"],
)
def test_runs_that_are_young_or_odd_are_drawn(table, tmp_path):
    draw_training_curves(table, tmp_path / "curves.png", diagnostics=diagnostics().iloc[:5].assign(value=0.0))
    assert (tmp_path / "curves.png").stat().st_size > 0


def test_a_range_test_shows_what_it_found(tmp_path):
    rates = np.geomspace(1e-6, 1, 50)
    losses = 1 - 0.5 * np.exp(-((np.log10(rates) + 2) ** 2)) + (rates > 0.3) * 50
    draw_range_test(rates, losses, losses, 1.234e-3, tmp_path / "rate.svg")
    said = text_of(tmp_path / "rate.svg")
    assert "<!-- learning rate -->" in said and "<!-- steepest fall: 0.0012 -->" in said
