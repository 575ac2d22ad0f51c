import warnings

import pytest

from stormcell.training.sample_rule import FewSamplesWarning, warn_of_few_samples


@pytest.mark.parametrize(("windows", "parameters"), [(20, 10), (21, 10), (1, 0), (3_000_000, 1_000_000)])
def test_enough_samples_say_nothing(windows, parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_few_samples(windows, parameters)


@pytest.mark.parametrize(("windows", "parameters", "said"), [(19, 10, "1.9 a weight"), (0, 10, "0 a weight"), (30_000, 3_000_000, "0.01")])
def test_few_samples_are_told_with_what_to_do(windows, parameters, said):
    with pytest.warns(FewSamplesWarning, match=f"{windows:,} windows .* {parameters:,} weights, {said}.* 2 to 3.*weight_decay"):
        warn_of_few_samples(windows, parameters)


def test_the_warning_points_to_who_asked():
    with pytest.warns(FewSamplesWarning) as told:
        warn_of_few_samples(1, 10)
    assert told[0].filename == __file__
