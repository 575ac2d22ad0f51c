"""The task has one dependency, and what is counted is what autograd keeps."""

import torch

from stormcell.lab.delayed_recall import delayed_bits
from stormcell.lab.truncation import cost_of_a_step


def test_the_answer_is_the_bit_so_many_steps_before():
    bits, wanted = delayed_bits(3, 20, 6, torch.Generator().manual_seed(0))
    assert bits.shape == (3, 20, 1) and wanted.shape == (3, 14, 1) and set(bits.unique().tolist()) == {-1.0, 1.0}
    for step in range(6, 20):
        assert (wanted[:, step - 6] == bits[:, step - 6]).all()


def test_twice_the_steps_keep_twice_as_much():
    torch.manual_seed(0)
    sizes = [cost_of_a_step(cut)[1] for cut in (10, 20, 40)]
    assert 1.9 < sizes[1] / sizes[0] < 2.2 and 1.9 < sizes[2] / sizes[1] < 2.2
