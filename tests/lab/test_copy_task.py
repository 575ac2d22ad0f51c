"""What is asked for in the copy task is what was said, and nothing in between."""

import torch

from stormcell.lab.copy_task import ASK, LETTERS, SILENCE, SYMBOLS, copied


def test_letters_silence_and_the_same_letters():
    inputs, answers = copied(5, 7, torch.Generator().manual_seed(0))
    assert inputs.shape == (5, 7 + 2 * SYMBOLS, LETTERS + 2) and (inputs.sum(2) == 1).all()
    heard = inputs.argmax(dim=2)
    assert (heard[:, :SYMBOLS] == answers[:, -SYMBOLS:]).all() and ((heard[:, :SYMBOLS] >= 1) & (heard[:, :SYMBOLS] <= LETTERS)).all()
    assert (heard[:, SYMBOLS : -SYMBOLS - 1] == SILENCE).all() and (heard[:, -SYMBOLS - 1 :] == ASK).all()
    assert (answers[:, :-SYMBOLS] == SILENCE).all()
