"""Corrections on paper, the limit of the theorem, and what no line parts."""

import pytest
import torch

from stormcell.lab.perceptron import PASSES, corrected, corrections_allowed, task, wrong_share
from stormcell.networks.feedforward import perceptron


def test_two_points_take_two_corrections():
    points, classes = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.tensor([1.0, -1.0])
    network = perceptron(2)
    # from zero, sign(0) is neither class: w = (1, 0), b = 1; the other point then gets 0: w = (2, 0), b = 0
    assert corrected(network, points, classes) == (2, 1, True)
    assert network.layers[0].weight.tolist() == [[2.0, 0.0]] and network.layers[0].bias.item() == 0.0


def test_the_limit_of_and_is_nine():
    # (x, 1) has the length sqrt(3), and the line x1 + x2 = 1 keeps 1 / sqrt(3) from every corner
    assert corrections_allowed(*task("AND", 0)) == pytest.approx(9.0, rel=0.02)


def test_xor_keeps_one_wrong_at_its_best_moment():
    network, (points, classes) = perceptron(2), task("XOR", 0)
    _, passes, ended = corrected(network, points, classes)
    assert passes == PASSES and not ended and wrong_share(network, points, classes) >= 0.25


@pytest.mark.parametrize(("name", "ones"), [("AND", 1), ("OR", 3), ("XOR", 2), ("two clouds", 50), ("rings", 50)])
def test_classes(name, ones):
    points, classes = task(name, 3)
    assert len(points) == len(classes) and int((classes == 1).sum()) == ones and int((classes == -1).sum()) == len(classes) - ones
