"""The norm that is noted is that of the gradient, before anything cuts it."""

import math

import pytest
import torch

from stormcell.lab.fit import fit
from stormcell.lab.gradient_norm import GradientNorm


def test_norms_by_hand_and_uncut():
    one, other = torch.nn.Parameter(torch.tensor([1.0])), torch.nn.Parameter(torch.tensor([2.0, 0.0]))
    factors = (1.0, 10.0, math.inf)
    gradient = GradientNorm([one, other], lambda step: factors[step] * (3 * one.sum() + 4 * other[0]))
    fit([one, other], gradient, "nothing", steps=2, learning_rate=1e-3, clip=1.0)
    assert gradient.norms() == pytest.approx([5.0, 50.0])
    gradient(2).backward()
    assert gradient.norms()[2] == math.inf
