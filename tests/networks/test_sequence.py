import pytest
import torch
from torch import nn

from stormcell.cells.gru import GRU
from stormcell.cells.lstm import LSTM
from stormcell.cells.stack import Stack
from stormcell.networks.sequence import FCLSTMForecaster, SequenceNetwork

torch.set_num_threads(1)


def test_the_baseline_of_2015_has_as_many_weights_as_the_paper_says():
    with torch.device("meta"):
        network = FCLSTMForecaster(64 * 64)
    assert sum(weight.numel() for weight in network.parameters()) == 142_667_776


def test_any_number_of_steps_follows_any_number():
    torch.manual_seed(0)
    network = FCLSTMForecaster(12, (7, 5))
    forecast = network(torch.randn(2, 4, 1, 3, 4), 6)
    assert forecast.shape == (2, 6, 1, 3, 4)
    forecast.sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())
    torch.testing.assert_close(network(torch.ones(1, 3, 12), 4)[:, :2], network(torch.ones(1, 3, 12), 2))


def test_one_answer_is_read_at_each_sequences_own_end():
    torch.manual_seed(0)
    network = SequenceNetwork(Stack([LSTM(3, 5), GRU(5, 4)]), nn.Linear(4, 2))
    long = torch.randn(2, 6, 3)
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    answers, _ = network(long, mask=mask)
    torch.testing.assert_close(answers[0], network(long[:1])[0][0])
    torch.testing.assert_close(answers[1], network(long[1:, :4])[0][0])
    late = torch.tensor([[True] * 6, [False] * 2 + [True] * 3 + [False]])
    torch.testing.assert_close(network(long, mask=late)[0][1], network(long[1:, 2:5])[0][0])


@pytest.mark.parametrize("truncate", [None, 2])
def test_an_answer_for_every_step(truncate):
    torch.manual_seed(0)
    network = SequenceNetwork(GRU(3, 4), nn.Linear(4, 2), every_step=True)
    x = torch.randn(2, 6, 3)
    answers, state = network(x, truncate=truncate)
    assert answers.shape == (2, 6, 2)
    first, middle = network(x[:, :4])
    second, last = network(x[:, 4:], middle)
    torch.testing.assert_close(torch.cat((first, second), 1), answers)
    torch.testing.assert_close(last[0], state[0])
