"""Discs by hand."""

import math

import pytest
import torch

from stormcell.lab.drifting_discs import drifting_discs


def test_a_disc_moves_at_its_speed_in_its_direction():
    for direction, along_x, along_y in ((0.0, 2.0, 0.0), (math.pi / 2, 0.0, 2.0)):
        films = drifting_discs(3, 4, 20, (2.0, 2.0), torch.Generator().manual_seed(0), direction=direction)
        pixels = torch.arange(20.0)
        mass = films.sum((2, 3, 4))
        x, y = (films * pixels).sum((2, 3, 4)) / mass, (films * pixels[:, None]).sum((2, 3, 4)) / mass
        torch.testing.assert_close(x.diff(dim=1), torch.full((3, 3), along_x), atol=0.02, rtol=0)
        torch.testing.assert_close(y.diff(dim=1), torch.full((3, 3), along_y), atol=0.02, rtol=0)


def test_discs_stay_within_the_frame_and_the_range():
    films = drifting_discs(200, 5, 16, (0.0, 2.5), torch.Generator().manual_seed(1), radius=2.0)
    assert films.shape == (200, 5, 1, 16, 16)
    assert films.min() == 0.0 and films.max() == 1.0
    assert films.sum((2, 3, 4)).min() > 0.9 * math.pi * 2.0**2  # none is cut off


def test_standing_discs_stand():
    films = drifting_discs(2, 3, 12, (0.0, 0.0), torch.Generator().manual_seed(2), discs=2)
    assert torch.equal(films[:, 0], films[:, 2])


def test_a_disc_that_would_leave_is_refused():
    with pytest.raises(ValueError, match="moves 15 pixels in a film, but a frame has room for 11"):
        drifting_discs(1, 4, 16, (1.0, 5.0), torch.Generator())
