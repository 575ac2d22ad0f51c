"""The links of a TrajGRU, looked up and mixed in one: equal to warp and 1x1 convolution, in value and gradients."""

import pytest
import torch
from torch.nn import functional

from stormcell.cells import linked_product as module
from stormcell.cells.linked_product import linked_product
from stormcell.warp_tensor import warp_links


def _case(rows=6, columns=7, links=5, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)

    def numbers(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()

    return numbers(2, 3, rows, columns), numbers(2, links, 2, rows, columns), numbers(4, 3 * links, 1, 1), numbers(4)


def _one_after_the_other(field, flows, weight, bias):
    return functional.conv2d(warp_links(field, flows).flatten(1, 2), weight, bias)


@pytest.mark.parametrize("numbers_at_once", [1, 2**22])
@pytest.mark.parametrize("size", [(6, 7), (8, 8), (1, 5), (1, 1)])
def test_is_warp_and_convolution(size, numbers_at_once, monkeypatch):
    monkeypatch.setattr(module, "_NUMBERS_AT_ONCE", numbers_at_once)
    case = _case(*size)
    ours, theirs = linked_product(*case), _one_after_the_other(*case)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    looked_at = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mine = torch.autograd.grad(ours, case, looked_at)
    torch.testing.assert_close(mine, torch.autograd.grad(theirs, case, looked_at), rtol=0, atol=1e-12)


def test_the_same_without_gradients():
    case = _case()
    with torch.no_grad():
        torch.testing.assert_close(linked_product(*case), linked_product(*(part.requires_grad_() for part in _case())), rtol=0, atol=0)


def test_bfloat16_stays_near():
    case = _case(dtype=torch.float32)
    rough = linked_product(case[0], case[1].bfloat16(), *case[2:])
    exact = linked_product(case[0], case[1].bfloat16().float(), *case[2:])
    assert rough.dtype == torch.bfloat16
    assert (rough - exact).norm() / exact.norm() < 0.01


def test_what_is_kept_for_the_backward_pass_does_not_grow_with_the_links():
    def kept(links):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: sizes.append(tensor.numel()) or tensor, lambda tensor: tensor):
            linked_product(*_case(32, 32, links))
        return sum(sizes)

    assert kept(12) - kept(2) == 10 * (2 * 2 * 32 * 32 + 4 * 3)  # the flows and the weights themselves
