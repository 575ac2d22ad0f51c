"""The warp inside networks: identity, shifts, gradients, borders, and its twin for labelled fields."""

import numpy as np
import pytest
import torch

from stormcell.warp import warp
from stormcell.warp_tensor import gather_links, warp_links, warp_tensor


def moved(field, x, y):
    displacement = torch.empty(field.shape[0], 2, *field.shape[2:], dtype=field.dtype)
    displacement[:, 0], displacement[:, 1] = x, y
    return warp_tensor(field, displacement)


def image(*shape, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (2, 2), (33, 50), (96, 96), (128, 129), (480, 480)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_zero_flow_is_the_identity(shape, dtype):
    field = image(2, 2, *shape, dtype=dtype)
    torch.testing.assert_close(moved(field, 0, 0), field, rtol=0, atol=0)


@pytest.mark.parametrize(("x", "y"), [(1, 0), (0, 1), (-2, 3), (3, -2), (4, 0), (0, 3), (5, 5), (-50, 0)])
def test_whole_pixels_are_a_shift(x, y):
    field = image(1, 2, 4, 5)
    shifted = torch.zeros_like(field)
    for row in range(4):
        for column in range(5):
            if 0 <= row - y < 4 and 0 <= column - x < 5:
                shifted[..., row, column] = field[..., row - y, column - x]
    torch.testing.assert_close(moved(field, x, y), shifted, rtol=0, atol=0)


def test_positive_is_right_and_down():
    field = torch.zeros(1, 1, 5, 5)
    field[..., 2, 2] = 1
    assert moved(field, 1, 0)[..., 2, 3] == pytest.approx(1)
    assert moved(field, 0, 1)[..., 3, 2] == pytest.approx(1)


def test_halfway_is_the_mean_and_outside_is_zero():
    field = torch.tensor([2.0, 4.0, 8.0]).reshape(1, 1, 1, 3)
    torch.testing.assert_close(moved(field, -0.5, 0).flatten(), torch.tensor([3.0, 6.0, 4.0]))
    torch.testing.assert_close(moved(field, 0, 0.25).flatten(), torch.tensor([1.5, 3.0, 6.0]))


def test_a_side_of_one_pixel_can_be_left():
    field = torch.ones(1, 1, 1, 1)
    assert moved(field, 1, 0) == 0 and moved(field, 0, -1) == 0
    assert moved(field, 0.25, 0) == 0.75 and moved(field, -0.25, 0) == 0.75


def test_gradients():
    field = image(2, 2, 4, 3, dtype=torch.float64).requires_grad_()
    flows = (image(2, 3, 2, 4, 3, dtype=torch.float64) * 3.7 - 1.63).requires_grad_()  # not at whole pixels, where there is a kink
    assert torch.autograd.gradcheck(warp_links, (field, flows))


def test_links_are_single_warps():
    field, flows = image(2, 3, 6, 5), image(2, 4, 2, 6, 5) * 6 - 3
    together = warp_links(field, flows)
    assert together.shape == (2, 3, 4, 6, 5)
    for link in range(4):
        torch.testing.assert_close(together[:, :, link], warp_tensor(field, flows[:, link]), rtol=0, atol=0)


def test_equals_the_warp_of_labelled_fields():
    """Where that one says 'not seen', this one fades to 0; inside they agree."""
    field, flow = image(1, 1, 20, 30), image(1, 2, 20, 30) * 6 - 3
    twin = warp(field[0, 0].numpy(), flow[0].numpy())
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    x, y = columns - flow[0, 0], rows - flow[0, 1]
    inside = ((x >= 0) & (x <= 29) & (y >= 0) & (y <= 19)).numpy()
    assert 0.6 < inside.mean() < 1
    np.testing.assert_allclose(warp_tensor(field, flow)[0, 0].numpy()[inside], twin[inside], atol=1e-5)


def test_infinitely_far_is_outside():
    assert moved(torch.ones(1, 1, 3, 3), 1e12, -1e12).abs().max() == 0


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (2, 2, 4, 4), (1, 2, 4, 5), (2, 4, 4)])
def test_what_does_not_fit(shape):
    with pytest.raises(ValueError, match="expected field"):
        warp_tensor(torch.zeros(1, 1, 4, 4), torch.zeros(shape))


def test_links_that_do_not_fit():
    with pytest.raises(ValueError, match="link"):
        warp_links(torch.zeros(1, 1, 4, 4), torch.zeros(1, 2, 4, 4))


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (33, 50)])
def test_gathered_links_are_warped_links(size):
    generator = torch.Generator().manual_seed(0)
    field = torch.randn(2, 3, *size, generator=generator, dtype=torch.float64)
    displacements = torch.randn(2, 4, 2, *size, generator=generator, dtype=torch.float64) * 5
    gathered = gather_links(field, displacements)
    torch.testing.assert_close(gathered, warp_links(field, displacements).permute(0, 3, 4, 2, 1), rtol=0, atol=1e-12)
    whole = displacements.round()
    torch.testing.assert_close(gather_links(field, whole), warp_links(field, whole).permute(0, 3, 4, 2, 1), rtol=0, atol=0)


def test_a_displacement_that_is_not_a_number_spoils_its_own_place_only():
    field, displacements = image(1, 2, 4, 5), torch.zeros(1, 1, 2, 4, 5)
    displacements[..., 1, 2] = float("nan")
    displacements[..., 2, 2] = float("inf")
    gathered = gather_links(field, displacements)[0, :, :, 0].permute(2, 0, 1)
    assert gathered[:, 1, 2].isnan().all()
    assert not gathered[:, 2, 2].any()
    gathered[:, 1, 2] = field[0, :, 1, 2]
    gathered[:, 2, 2] = field[0, :, 2, 2]
    torch.testing.assert_close(gathered, field[0], rtol=0, atol=0)


def test_gathering_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="expected field"):
        gather_links(image(1, 2, 4, 5), torch.zeros(1, 2, 4, 5))
