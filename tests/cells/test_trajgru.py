"""TrajGRU: ConvGRU at zero flow, a loop over links otherwise, and what holds for every such cell."""

import pytest
import torch
from torch.nn import functional

from stormcell.cells.cell import unroll
from stormcell.cells.convgru import ConvGRU
from stormcell.cells.trajgru import TrajGRU
from stormcell.warp_tensor import warp_tensor
from tests.cells.image_contract import ImageCellContract, frames, randomise


class TestTrajGRU(ImageCellContract):
    def build(self, inputs=2):
        return TrajGRU(inputs, 3, links=2)

    def even_kernel(self):
        return TrajGRU(2, 3, 2, input_kernel=4)


def test_zero_flow_and_one_link_is_a_convgru():
    cell = randomise(TrajGRU(2, 3, links=1).double())
    torch.nn.init.zeros_(cell.flow.weight)
    torch.nn.init.zeros_(cell.flow.bias)
    twin = ConvGRU(2, 3, 3, 1).double()
    twin.load_state_dict({name: weight for name, weight in cell.state_dict().items() if "flow" not in name})
    x = frames(2, 5, 2, 6, 7)
    torch.testing.assert_close(unroll(cell, x)[0], unroll(twin, x)[0], rtol=0, atol=1e-12)


def test_flows_start_at_zero():
    cell = TrajGRU(2, 3, links=4)
    flows = cell.flows(None, torch.randn(1, 3, 5, 6))
    assert flows.shape == (1, 4, 2, 5, 6) and not flows.any()


@torch.no_grad()
def test_link_by_link():
    """The equations of the paper, with a warp and a 1x1 kernel for each link."""
    cell = randomise(TrajGRU(2, 3, links=4).double())
    x, h = frames(1, 1, 2, 6, 7), frames(1, 3, 6, 7)
    frame = x[:, 0]
    hidden = functional.leaky_relu(cell.input_to_flow(frame) + cell.state_to_flow(h), 0.2)
    flows = cell.flow(hidden)
    assert flows.abs().max() > 0.5
    kernels = cell.state_convolution.weight.reshape(9, 3, 4, 1, 1)
    from_state = cell.state_convolution.bias[:, None, None]
    for link in range(4):
        from_state = from_state + functional.conv2d(warp_tensor(h, flows[:, 2 * link : 2 * link + 2]), kernels[:, :, link])
    xr, xu, xh = cell.input_convolution(frame).chunk(3, dim=1)
    sr, su, sh = from_state.chunk(3, dim=1)
    u = torch.sigmoid(xu + su)
    expected = u * h + (1 - u) * functional.leaky_relu(xh + torch.sigmoid(xr + sr) * sh, 0.2)
    torch.testing.assert_close(unroll(cell, x, (h,))[0][:, 0], expected, rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_constant_flow_carries_the_state_along():
    """u = 0, h' = h-[p - flow]: the state moves one pixel to the right a step."""
    cell = TrajGRU(1, 1, links=1).double()
    for weight in cell.parameters():
        weight.zero_()
    cell.flow.bias[0] = 1  # x
    cell.input_convolution.bias[0], cell.input_convolution.bias[1] = 50, -50  # r = 1, u = 0
    cell.state_convolution.weight[2] = 1
    h = torch.zeros(1, 1, 3, 6, dtype=torch.float64)
    h[..., 1, 1] = 1
    outputs, _ = unroll(cell, torch.zeros(1, 3, 1, 3, 6, dtype=torch.float64), (h,))
    torch.testing.assert_close(outputs[0, -1, 0], torch.roll(h[0, 0], 3, dims=1))


def test_parameters_of_a_layer():
    cell = TrajGRU(8, 64, links=13)
    gates = 9 * 8 * 192 + 192 + 13 * 64 * 192 + 192
    flow = 25 * (8 + 64) * 32 + 2 * 32 + 25 * 32 * 26 + 26
    assert sum(weight.numel() for weight in cell.parameters()) == gates + flow


def test_no_links():
    with pytest.raises(ValueError, match="one link or more"):
        TrajGRU(2, 3, 0)
