"""The parameters by hand, and noise of the size that is said."""

import torch

from stormcell.lab.samples_against_parameters import NOISE, errors_at, noisy_samples, parameter_count


def test_parameters_by_hand():
    assert parameter_count() == (4 * 12 + 12) + (12 + 1)


def test_the_noise_is_what_nobody_can_know():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x, y = noisy_samples(2, 5000)
    known = torch.sin(1.5 * x[..., :1]) + 0.5 * x[..., 1:2] * x[..., 2:3] + 0.5 * x[..., 3:]
    assert abs(float((y - known).std()) / NOISE - 1) < 0.05


def test_few_samples_are_learnt_by_heart():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        known, new = errors_at(0.1, 300)
    assert len(known) == len(new) and max(known) < min(new)
