"""The plain network is the same network, and the benchmark of training runs."""

import pytest
import torch
from torch.nn import functional

from stormcell.benchmark import training
from stormcell.benchmark.plain_network import PlainConvGRUStep, PlainTrajGRUStep
from stormcell.cells import TrajGRU, unroll


def test_plain_convgru_by_hand():
    cell = PlainConvGRUStep(1, 2, 1)
    x, h = torch.rand(1, 1, 3, 3), torch.rand(1, 2, 3, 3)
    r, u = torch.sigmoid(functional.conv2d(torch.cat([x, h], 1), cell.gates.weight, cell.gates.bias)).chunk(2, 1)
    new = functional.leaky_relu(functional.conv2d(torch.cat([x, r * h], 1), cell.candidate.weight, cell.candidate.bias), 0.2)
    torch.testing.assert_close(cell.step((x,), (h,))[0], u * h + (1 - u) * new)


@pytest.mark.parametrize("inputs", [3, None])
def test_plain_trajgru_is_trajgru(inputs):
    torch.manual_seed(0)
    ours, plain = TrajGRU(inputs, 4, links=3), PlainTrajGRUStep(inputs, 4, 3)
    torch.nn.init.normal_(ours.flow.weight, std=0.1)
    pairs = [(ours.state_to_flow, plain.h2f), (ours.flow, plain.flow)]
    if inputs:
        pairs += [(ours.input_convolution, plain.i2h), (ours.input_to_flow, plain.i2f)]
    for mine, other in pairs:
        other.load_state_dict(mine.state_dict())
    by_link = ours.state_convolution.weight.detach().reshape(12, 3, 4, 1, 1)  # whichever order the columns have, try both
    states = (torch.rand(2, 4, 6, 6),)
    x = torch.rand(2, 5, inputs, 6, 6) if inputs else None
    expected, _ = unroll(ours, x, states, steps=5)
    close = []
    for columns in (by_link, ours.state_convolution.weight.detach().reshape(12, 4, 3, 1, 1).transpose(1, 2)):
        plain.h2h.weight.data.copy_(columns.reshape(12, 12, 1, 1))
        plain.h2h.bias.data.copy_(ours.state_convolution.bias.data)
        made, _ = unroll(plain, x, states, steps=5)
        close.append(torch.allclose(made, expected, atol=1e-5))
    assert any(close)


def test_the_table(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(training, "HIDDEN", (4, 4))
    monkeypatch.setattr(training, "BATCH", 2)
    figures = training.benchmark_training(output=tmp_path / "t.json", report=tmp_path / "t.md", repeats=1)
    assert set(figures["networks"]) == {"convgru", "trajgru"}
    assert figures["networks"]["convgru"]["plain"]["times_plain"] == 1.0
    assert (tmp_path / "t.md").read_text() in capsys.readouterr().out
    assert "| trajgru | bfloat16 |" in (tmp_path / "t.md").read_text()
