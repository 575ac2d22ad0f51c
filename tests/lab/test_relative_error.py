"""The error of films, by hand."""

import pytest
import torch

from stormcell.lab.relative_error import relative_error


def test_error_by_hand():
    future = torch.zeros(2, 2, 1, 2, 2)
    future[:, :, 0, 0, 0] = 2.0  # squares of 4 in each film and frame
    half = future.clone()
    half[:, 1] = 0.0
    half[0, 0, 0, 1, 1] = 1.0
    assert relative_error(half, future, 0.0) == pytest.approx([1 / 8, 1.0])
    assert relative_error(half, future, torch.full_like(future, 1.0)) == pytest.approx([1 / 8, 8 / 8])
    assert relative_error(future, future, 0.0) == [0.0, 0.0]
