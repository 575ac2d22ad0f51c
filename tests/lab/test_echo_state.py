"""The measures of memory and error by hand, and a forecaster on a series that is easy."""

import math

import pytest
import torch

from stormcell.lab.echo_state import DELAYS, Forecaster, correlation, errors_ahead, recalled


def test_correlation_by_hand():
    one = torch.tensor([[1.0, 1.0, 1.0, 5.0], [2.0, 2.0, 0.0, 5.0], [3.0, 3.0, 1.0, 5.0]], dtype=torch.float64)
    other = torch.tensor([[2.0, -2.0, 3.0, 1.0], [4.0, -4.0, 3.0, 2.0], [6.0, -6.0, 6.0, 3.0]], dtype=torch.float64)
    torch.testing.assert_close(correlation(one, other), torch.tensor([1.0, -1.0, 0.5, 0.0], dtype=torch.float64))


def test_a_small_reservoir_remembers_the_near_past_only():
    recall = recalled(0.5, units=10, seed=0)
    assert recall.shape == (DELAYS,)
    assert float(recall[0]) > 0.99 and float(recall[40:].max()) < 0.02
    assert float(recall.sum()) < 10


def test_errors_are_by_lead_time_in_standard_deviations():
    series = torch.tensor([0.0, 2.0, 4.0, 6.0, 8.0])
    guesses = torch.tensor([[2.0, 5.0], [4.0, 9.0]])  # of what follows from 1 and from 2: 2, 4 and 4, 6
    expected = torch.tensor([0.0, math.sqrt((1 + 9) / 2)]) / series.std()
    torch.testing.assert_close(errors_ahead(guesses, torch.tensor([1, 2]), series), expected)


def test_a_sine_is_continued_and_the_reservoir_stays():
    series = 0.5 * torch.sin(torch.arange(900, dtype=torch.float64) / 5)
    forecaster = Forecaster(series[:700], 0.9, units=60, seed=0)
    guess = forecaster(series[None, :700], 100)
    assert guess.shape == (1, 100)
    assert float((guess[0] - series[700:800]).abs().max()) < 0.01
    assert forecaster.moved() == 0.0 and forecaster.milliseconds > 0
    forecaster.cell.bias[3] += 0.25
    assert forecaster.moved() == pytest.approx(0.25)
