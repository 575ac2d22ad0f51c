"""The series obeys its equation."""

import torch

from stormcell.lab.mackey_glass import mackey_glass


def test_the_series_obeys_its_equation():
    x = 1.0 + torch.atanh(mackey_glass(400, seed=0))
    now, delayed = x[19:-2], x[2:-19]
    slope = (x[17:-4] - 8 * x[18:-3] + 8 * x[20:-1] - x[21:]) / 12  # central difference of fourth order
    expected = 0.2 * delayed / (1 + delayed**10) - 0.1 * now
    assert float((slope - expected).abs().max()) < 0.02 * float(expected.abs().max())


def test_the_start_decides_and_is_soon_chaotic():
    one, again, other = mackey_glass(300, seed=1), mackey_glass(300, seed=1), mackey_glass(300, seed=2)
    assert torch.equal(one, again)
    assert one.shape == (300,) and -1 < float(one.min()) < float(one.max()) < 1
    assert float((one - other).abs().max()) > 0.3
