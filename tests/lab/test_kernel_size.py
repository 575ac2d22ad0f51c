"""The spot moves as fast as it should, both ways, and stays on the line."""

import pytest
import torch

from stormcell.lab.kernel_size import FUTURE, PAST, WIDTH, films_on_a_line


@pytest.mark.parametrize("speed", [0.5, 3.0])
def test_the_spot_runs_at_its_speed(speed):
    past, future = films_on_a_line(40, speed, torch.Generator().manual_seed(0))
    frames = torch.cat((past, future), dim=1)[:, :, 0, 0]
    assert frames.shape == (40, PAST + FUTURE, WIDTH) and frames.min() >= 0 and frames.max() <= 1
    centre = (frames * torch.arange(WIDTH)).sum(2) / frames.sum(2)
    assert torch.allclose(centre.diff(dim=1).abs(), torch.full((40, PAST + FUTURE - 1), speed), atol=0.3)
    ways = centre[:, -1] > centre[:, 0]
    assert 5 < int(ways.sum()) < 35, "left and right"
    assert (frames.sum(2) - frames.sum(2).mean()).abs().max() < 0.4, "never cut off"
