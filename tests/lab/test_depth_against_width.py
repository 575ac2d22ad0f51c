"""The parameters are counted by hand, and the nested waves are what they are said to be."""

import math

import torch

from stormcell.lab.depth_against_width import DEPTHS, PARAMETERS, parameters_of, width_for
from stormcell.lab.nested_waves import nested_waves


def test_parameters_by_hand():
    assert parameters_of(1, 10) == (4 * 10 + 10) + (10 + 1)
    assert parameters_of(2, 3) == (4 * 3 + 3) + (3 * 3 + 3) + (3 + 1)


def test_all_depths_have_nearly_as_many():
    for depth in DEPTHS:
        assert abs(parameters_of(depth, width_for(depth)) - PARAMETERS) < 0.1 * PARAMETERS


def test_nested_waves_by_hand():
    with torch.random.fork_rng():
        x, y = nested_waves(2, 5)
    a, b, c, d = x[1, 3].tolist()
    left, right = math.sin(0.8 * math.pi * (a + b)), math.sin(0.8 * math.pi * (c + d))
    assert x.shape == (2, 5, 4) and y.shape == (2, 5, 1) and float(x.abs().max()) <= 1
    assert abs(y[1, 3].item() - math.sin(0.8 * math.pi * (left + right))) < 1e-5
