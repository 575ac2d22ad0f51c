"""A toy text of weather words: within a word the next letter is mostly sure, at its start it is open."""

import torch
from torch import Tensor

__all__ = ["LETTERS", "WORDS", "letter_entropy", "weather_words"]

WORDS = ("blizzard", "breeze", "cloud", "drought", "fog", "frost", "gale", "gust", "hail", "haze", "shower", "thaw")
LETTERS = "".join(sorted({*"".join(WORDS), " "}))


def weather_words(length: int, *, seed: int) -> Tensor:
    """Words drawn at random with a space between them, as the numbers of their letters in `LETTERS`, (length,)."""
    chance = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(WORDS), (length,), generator=chance).tolist()  # enough: every word has a letter at least
    return torch.tensor([LETTERS.index(letter) for letter in " ".join(WORDS[number] for number in drawn)[:length]])


def letter_entropy(text: Tensor) -> float:
    """Bits a letter for somebody who knows how frequent each letter is, and forgets what came before."""
    share = torch.bincount(text).double() / len(text)
    share = share[share > 0]
    return float(-(share * share.log2()).sum())
