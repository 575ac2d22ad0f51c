"""The turn by hand, the fields, and what a TrajGRU looks at before it has learnt anything."""

import math

import pytest
import torch

from stormcell.lab import learnt_links
from stormcell.lab.learnt_links import FUTURE, OFFSET, PAST, RIVALS, SIDE, TURN, Forecaster, learn, turning_fields, way_turned


def test_the_way_by_hand():
    """A quarter turn, clockwise on the screen, brings what is to the right of the centre below it."""
    below = way_turned(torch.tensor([0.0]), torch.tensor([2.0]), steps=math.radians(90.0) / TURN)
    assert below[:, 0].tolist() == pytest.approx([-2.0, 2.0], abs=1e-5)  # it came from (2, 0)
    assert way_turned(OFFSET, OFFSET, steps=0).abs().max() == 0


def test_fields_turn():
    """Read where the way comes from, each frame is the one before."""
    past, future = turning_fields(4, torch.Generator().manual_seed(0))
    assert past.shape == (4, PAST, 1, SIDE, SIDE) and future.shape == (4, FUTURE, 1, SIDE, SIDE) and 0 <= past.min() <= past.max() <= 1
    x, y = torch.meshgrid(OFFSET, OFFSET, indexing="xy")
    source = (torch.stack((x, y)) - way_turned(x, y, steps=1)) / (SIDE / 2)
    turned = torch.nn.functional.grid_sample(past[:, 0], source.movedim(0, -1).expand(4, -1, -1, -1), align_corners=False)
    stayed = (past[:, 1] - past[:, 0]).abs().mean()
    assert (past[:, 1] - turned).abs().mean() < 0.1 * stayed


def test_links_begin_where_the_pixel_is():
    past, _ = turning_fields(2, torch.Generator().manual_seed(0))
    assert (Forecaster(RIVALS["TrajGRU"]).links(past) == 0).all()


@pytest.mark.parametrize("name", list(RIVALS))
def test_a_few_updates_are_repeatable(name):
    with torch.random.fork_rng():
        first, second = (learn(RIVALS[name], name, seed=0, updates=2) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_long_links_cost(monkeypatch):
    """The dearer they are, the shorter they stay."""
    past, _ = turning_fields(4, torch.Generator().manual_seed(0))
    lengths = []
    for cost in (0.0, 10.0):
        monkeypatch.setattr(learnt_links, "LINK_COST", cost)
        with torch.random.fork_rng():
            network = learn(RIVALS["TrajGRU"], "TrajGRU", seed=0, updates=12)
        lengths.append(float(network.links(past).detach().norm(dim=1).mean()))
    assert lengths[1] < 0.5 * lengths[0]
