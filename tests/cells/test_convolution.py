"""The state's convolution without the work that a blank state does not need."""

import pytest
import torch
from torch import nn

from stormcell.cells import ConvGRU, ConvLSTM, TrajGRU, unroll
from stormcell.cells.convolution import is_blank, of_state, same_size
from tests.cells.image_contract import frames, randomise


def test_what_is_blank():
    zeros = torch.zeros(2, 3, 4, 5)
    late = zeros.clone()
    late[-1, -1, -1, -1] = 1e-30
    assert is_blank(zeros) and not is_blank(late)
    assert not is_blank(zeros.clone().requires_grad_()), "its gradient is asked for"
    assert not is_blank(zeros.to("meta")) and not is_blank(torch.zeros(0, 3, 4, 5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_of_a_blank_state_the_bias_is_left(dtype):
    layer, h, terms = randomise(same_size(3, 6, 5)), torch.zeros(2, 3, 4, 5), torch.zeros(2, 6, 4, 5, dtype=dtype)
    made = of_state(layer, h, terms)
    assert made.dtype == dtype
    torch.testing.assert_close(made, layer(h).to(dtype), rtol=0, atol=0)


@pytest.mark.parametrize(
    "build", [lambda: ConvLSTM(2, 3, 3, 3), lambda: ConvGRU(2, 3), lambda: TrajGRU(2, 3, links=4)], ids=["convlstm", "convgru", "trajgru"]
)
def test_a_blank_state_gives_what_any_state_of_zeros_gives(build):
    """One that asks for its gradient is worked through in full."""
    x, results = frames(2, 4, 2, 5, 6), []
    for full in (False, True):
        cell = randomise(build().double())
        state = tuple(part.requires_grad_(full) for part in cell.initial_state(x[:, 0]))
        outputs, _ = unroll(cell, x, state)
        outputs.square().sum().backward()
        results.append((outputs.detach(), *(weight.grad for weight in cell.parameters())))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=1e-12)


def test_the_first_step_makes_one_convolution():
    calls = []
    cell = ConvLSTM(2, 3, 3, 3)
    real = nn.functional.conv2d
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.functional, "conv2d", lambda *given, **more: calls.append(given[0].shape[1]) or real(*given, **more))
        unroll(cell, torch.randn(1, 3, 2, 5, 6))
    assert sorted(calls) == [2, 3, 3], "inputs of three steps at once, states of the later two"
