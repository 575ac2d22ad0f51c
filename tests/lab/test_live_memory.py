"""Bytes by hand, counted from when a tensor is made until it is freed."""

import torch

from stormcell.lab.live_memory import LiveMemory


def test_what_is_made_is_counted_until_it_is_freed():
    before = torch.zeros(1000)
    with LiveMemory() as memory:
        memory.note_as_there(before)
        one = before + 1
        assert memory.now == memory.most == 4000
        view = one.reshape(10, 100)[:5]
        del one
        assert memory.now == 4000  # the view keeps it
        double = view * 2
        assert memory.now == 6000
        del view, double
        assert memory.now == 0 and memory.most == 6000
        before[:10].add_(1)
        assert memory.now == 0


def test_what_autograd_keeps_is_counted():
    weight = torch.ones(100, requires_grad=True)
    with LiveMemory() as memory:
        memory.note_as_there(weight)
        values = weight
        for _ in range(5):
            values = values.exp()
        assert memory.now == 5 * 400  # each result of exp is kept for its gradient
        del values
        assert memory.now == 0
        with torch.no_grad():
            values = weight
            for _ in range(5):
                values = values.exp()
        assert memory.now == 400 and memory.most == 5 * 400
