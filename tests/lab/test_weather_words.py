"""The text is made of its words."""

import pytest
import torch

from stormcell.lab.weather_words import LETTERS, WORDS, letter_entropy, weather_words


def test_the_text_is_words_and_spaces():
    text = "".join(LETTERS[number] for number in weather_words(500, seed=0))
    assert len(text) == 500
    words = text.split(" ")
    assert set(words[:-1]) == set(WORDS)  # the last may be cut
    assert any(word.startswith(words[-1]) for word in WORDS)


def test_the_seed_decides():
    assert torch.equal(weather_words(50, seed=1), weather_words(50, seed=1))
    assert not torch.equal(weather_words(50, seed=1), weather_words(50, seed=2))


def test_entropy_by_hand():
    assert letter_entropy(torch.tensor([0, 1, 2, 3])) == pytest.approx(2.0)
    assert letter_entropy(torch.tensor([0, 0, 2, 3])) == pytest.approx(1.5)
    assert letter_entropy(torch.tensor([5, 5])) == 0.0
