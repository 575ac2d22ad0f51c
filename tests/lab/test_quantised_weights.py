"""Bits, gradients and levels of small networks."""

import math

import pytest
import torch
from torch import nn

from stormcell.cells.lstm import LSTM
from stormcell.cells.normalization import LayerNormalise
from stormcell.lab.quantised_weights import PIECE, bits_a_letter, gradient_by_steps_back, learn, pieces_of
from stormcell.lab.weather_words import LETTERS, weather_words


@pytest.fixture
def network():
    torch.manual_seed(0)
    return LSTM(len(LETTERS), 6), nn.Linear(6, len(LETTERS))


def test_pieces_are_from_the_text():
    text = torch.arange(100)
    pieces = pieces_of(text)
    assert pieces.shape[1] == PIECE + 1 and int(pieces.min()) >= 0 and int(pieces.max()) < 100
    assert torch.equal(pieces.diff(dim=1), torch.ones_like(pieces[:, 1:]))


def test_who_knows_nothing_needs_the_logarithm_of_the_letters(network):
    cell, head = network
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    bits = bits_a_letter(cell, head, weather_words(62, seed=0).reshape(2, 31)).item()
    assert bits == pytest.approx(math.log2(len(LETTERS)), rel=1e-6)


def test_the_gradient_by_steps_back_is_0_for_who_does_not_look_back(network):
    cell, head = network
    text = weather_words(10, seed=0)[None]
    assert all(step > 0 for step in gradient_by_steps_back(cell, head, text))
    with torch.no_grad():
        cell.gates.state_weight.zero_()
        cell.gates.bias[6:12] = -200.0  # forgets all
    here, *before = gradient_by_steps_back(cell, head, text)
    assert here > 0 and len(before) == 8 and not any(before)


def test_binary_weights_have_a_large_spectral_norm_and_layers_are_normalised():
    bare = learn("binary-connect", None, "bare", units=16, updates=2, seed=0)
    normalised = learn("binary-connect", LayerNormalise, "normalised", units=16, updates=2, seed=0)
    plain = learn(None, None, "plain", units=16, updates=2, seed=0)
    assert bare.spectral_norm == normalised.spectral_norm >= 4.0 > plain.spectral_norm
    assert len(bare.losses) == 2 and len(bare.by_steps_back) == PIECE
    assert bare.by_steps_back[-1] > 100 * plain.by_steps_back[-1] > 0 and bare.gradient > 0
