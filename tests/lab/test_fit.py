"""The loop of the lab: on a slope that never changes, Adam goes as far in each step as its learning rate says."""

import pytest
import torch

from stormcell.lab.fit import fit


@pytest.mark.parametrize(("decay", "way"), [(False, 40 * 0.01), (True, 40 * 0.01 / 2 + 0.01 / 2)])
def test_how_far_it_goes(decay, way):
    """Half as far where the rate falls to zero along half a cosine: the mean of it is a half, and the first step is whole."""
    weight = torch.nn.Parameter(torch.zeros(()))
    losses = fit([weight], lambda _: -weight, "a slope", steps=40, learning_rate=0.01, decay=decay)
    assert float(weight.detach()) == pytest.approx(way, rel=1e-3) and len(losses) == 40
