"""Sequences whose answers can be read off their inputs."""

import torch

from stormcell.lab.marked_values import added, latched


def test_the_answer_is_the_value_of_the_last_mark():
    inputs, answers = latched(20, 30, torch.Generator().manual_seed(0))
    assert inputs.shape == (20, 30, 3) and answers.shape == (20, 30)
    for sequence, said in zip(inputs.tolist(), answers.tolist(), strict=True):
        kept = None
        for (value, mark, ask), answer in zip(sequence, said, strict=True):
            assert not (mark and ask)
            kept = value if mark else kept
            assert answer == (kept if ask else 0.0)
            assert kept is not None  # the first value is marked


def test_two_marks_one_in_each_half_are_added():
    inputs, answers = added(200, 11, torch.Generator().manual_seed(0))
    assert inputs.shape == (200, 11, 2)
    assert torch.equal(inputs[:, :5, 1].sum(1), torch.ones(200)) and torch.equal(inputs[:, 5:, 1].sum(1), torch.ones(200))
    torch.testing.assert_close(answers, inputs.prod(2).sum(1))


def test_the_generator_decides():
    for task in (latched, added):
        one, again = (task(2, 10, torch.Generator().manual_seed(3)) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
