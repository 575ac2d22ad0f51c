import json

from stormcell.methods.shipped import shipped_models
from tests.cli.process import stormcell

SMALL = ("models", "list", "--grid", "64x64", "--length", "2")


def test_the_list_for_a_person():
    done = stormcell(*SMALL)
    assert done.returncode == 0, done.stderr
    assert "convlstm-2015" in done.stdout and "7,585,296" in done.stdout and "hko7-trajgru" in done.stdout
    said = done.stdout.splitlines()
    if not shipped_models():
        assert said[0] == "No trained model ships with this version."
        return
    assert said[0].startswith("Trained models")
    assert [line.split()[0] for line in said[1 : 1 + len(shipped_models())]] == list(shipped_models())


def test_the_list_for_a_program():
    listed = json.loads(stormcell(*SMALL, "--json").stdout)
    rows = {row["name"]: row for row in listed if row["kind"] != "trained model"}
    assert rows["hko7-trajgru"]["parameters"] == 12_150_053 and rows["convlstm"]["mflop_per_step"] > 100
    # a 3x3 convolution from 64 to 4 x 64 channels for input and state, two operations a weight and pixel
    assert rows["convlstm"]["mflop_per_step"] == round(2 * 2 * 9 * 64 * 256 * 64 * 64 / 1e6, 3)


def test_a_grid_that_is_none():
    done = stormcell("models", "list", "--grid", "wide")
    assert done.returncode == 2 and "--grid wide: expected rows x columns" in done.stderr
