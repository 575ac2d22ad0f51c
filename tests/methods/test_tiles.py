"""Tiles: no seam, no gap, no more at once than allowed."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from stormcell.errors import MethodError
from stormcell.methods.tiles import cuts, in_tiles


@given(st.integers(1, 700), st.integers(0, 20), st.sampled_from([1, 2, 8, 30]), st.integers(0, 40), st.booleans())
def test_weights_sum_up_to_one_everywhere(size, overlap, multiple, more, fixed):
    multiple = 1 if fixed else multiple
    tile = 3 * (overlap + multiple - 1) + 2 * multiple + more
    total, tiles = torch.zeros(size + tile), cuts(size, tile=tile, overlap=overlap, multiple=multiple, fixed=fixed)
    for cut in tiles:
        assert cut.start % multiple == 0 and cut.length % multiple == 0 and len(cut.weight) == cut.length
        assert cut.length == tile if fixed else cut.length <= max(tile, multiple)
        total[cut.start : cut.start + cut.length] += cut.weight
    torch.testing.assert_close(total[:size], torch.ones(size), atol=1e-6, rtol=0)
    for left, right in zip(tiles, tiles[1:], strict=False):
        assert left.start + left.length - right.start >= overlap


def test_by_hand():
    """20 pixels in two tiles that share 4: the outer quarter of the strip belongs to the other tile, the middle fades."""
    left, right = cuts(20, tile=14, overlap=4)
    assert (left.start, left.length, right.start, right.length) == (0, 12, 8, 12)
    fade = torch.tensor([0.0, 0.15625, 0.84375, 1.0])  # 3 u^2 - 2 u^3 at u = -0.25, 0.25, 0.75, 1.25, held to 0..1
    torch.testing.assert_close(right.weight, torch.cat((fade, torch.ones(8))))
    torch.testing.assert_close(left.weight, torch.cat((torch.ones(8), 1 - fade)))


def test_an_image_that_fits_goes_in_one():
    assert [tuple(cut)[:2] for cut in cuts(30, tile=64, overlap=8, multiple=8)] == [(0, 32)]
    assert [tuple(cut)[:2] for cut in cuts(30, tile=64, overlap=8, fixed=True)] == [(0, 64)]


def test_tiles_too_short_for_their_overlap():
    with pytest.raises(MethodError, match="expected tiles of at least 26 pixels for an overlap of 8, got 20"):
        cuts(100, tile=20, overlap=8)


class Far(nn.Module):
    """A network that sees four pixels far: the mean around each pixel, a step later twice as strong."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, int]] = []

    def forward(self, past: torch.Tensor) -> torch.Tensor:
        self.sizes.append((past.shape[-2], past.shape[-1]))
        seen = nn.functional.avg_pool2d(past[:, -1], 9, 1, 4)
        return torch.stack((seen, 2 * seen), dim=1)


@pytest.mark.parametrize("shape", [(100, 37), (64, 130), (101, 99)])
def test_as_untiled_where_the_network_sees_no_further_than_a_quarter_of_the_strip(shape):
    past = torch.rand(2, 3, 1, *shape, generator=torch.Generator().manual_seed(0))
    network = Far()
    whole, tiled = Far()(past), in_tiles(network, past, 2, tile=52, overlap=16)
    torch.testing.assert_close(tiled, whole, atol=1e-6, rtol=0)
    assert len(network.sizes) > 1 and max(map(max, network.sizes)) <= 52


def test_a_strip_too_narrow_shows():
    """The test above can fail."""
    past = torch.rand(1, 3, 1, 100, 37, generator=torch.Generator().manual_seed(0))
    assert (in_tiles(Far(), past, 2, tile=52, overlap=4) - Far()(past)).abs().max() > 1e-3


def test_dry_tiles_and_dry_cases_are_not_run():
    past = torch.zeros(2, 3, 1, 40, 200)
    past[1, :, :, :, 190] = 1.0
    network = Far()
    forecast = in_tiles(network, past, 2, tile=64, overlap=16)
    assert len(network.sizes) == 1 and (forecast[0] == 0).all() and forecast[1].max() > 0


def test_a_network_for_one_size():
    def run(x: torch.Tensor) -> torch.Tensor:
        assert x.shape[-2:] == (24, 32)
        return x[:, -1:]

    for shape in ((10, 10), (24, 32), (50, 33)):
        past = torch.rand(1, 2, 1, *shape)
        torch.testing.assert_close(in_tiles(run, past, 1, tile=(24, 32), overlap=6, fixed=True), past[:, -1:])
