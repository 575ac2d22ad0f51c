"""Windows as other radars might have seen them."""

from collections.abc import Iterator

import numpy as np
import pytest

from stormcell.data.disturbed_samples import Disturbances, DisturbedSamples
from stormcell.data.samples import Batch
from stormcell.errors import FramesError

PAST = 4


class Even:
    """Windows of 1 mm/h everywhere, but dry in the first row."""

    length, shape, fingerprint = 6, (24, 24), "even"

    def batch(self, number: int, size: int) -> Batch:
        values = np.ones((size, self.length, *self.shape), np.float32)
        values[:, :, 0] = 0.0
        return Batch(values, np.ones(size))

    def sweep(self, size: int) -> Iterator[Batch]:
        yield self.batch(0, size)


def disturbed(number: int = 0, size: int = 64, **how: float) -> np.ndarray:
    return DisturbedSamples(Even(), PAST, Disturbances(**how), seed=3).batch(number, size).values


def test_nothing_asked_for_changes_nothing():
    np.testing.assert_array_equal(disturbed(), Even().batch(0, 64).values)


def test_a_gain_is_one_factor_for_a_whole_window():
    values = disturbed(gain=0.3)
    factors = values[:, 0, 5, 5]
    np.testing.assert_array_equal(values[:, :, 1:], np.broadcast_to(factors[:, None, None, None], values[:, :, 1:].shape))
    assert 0.2 < np.log(factors).std() < 0.4


def test_noise_is_of_the_past_alone_and_dry_stays_dry():
    values = disturbed(noise=0.5)
    assert (values[:, PAST:, 1:] == 1).all()
    assert (values[:, :, 0] == 0).all()
    assert 0.1 < np.log(values[:, :PAST, 1:]).std() < 0.5


def test_coarse_numbers_stand_in_steps_of_decibels():
    values = disturbed(gain=1.0, coarseness=3.0)
    wet = values[:, :, 1:]
    plain = disturbed(gain=1.0)[:, :, 1:]
    off = np.abs(10 * np.log10(wet / plain))
    assert 0.3 < off.max() <= 1.5 + 1e-4, "half a step of 3 dB at most"


def test_what_is_blind_is_so_in_all_scans_and_not_everywhere():
    values = disturbed(blind=1.0)
    unseen = np.isnan(values)
    assert (unseen == unseen[:, :1]).all()
    share = unseen[:, 0].mean(axis=(1, 2))
    assert share.min() > 0.02
    assert share.max() < 0.8
    some = np.isnan(disturbed(blind=0.3)).any(axis=(1, 2, 3)).mean()
    assert 0.15 < some < 0.45


def test_a_gap_is_never_one_of_the_last_two_scans():
    values = disturbed(gaps=1.0)
    missing = np.isnan(values).all(axis=(2, 3))
    assert (missing.sum(axis=1) == 1).all()
    assert missing[:, : PAST - 2].any(axis=1).all()


def test_a_window_is_the_same_in_any_batch():
    how = {"gain": 0.3, "noise": 0.3, "coarseness": 2.0, "blind": 0.5, "gaps": 0.5}
    halves = [disturbed(number, 4, **how) for number in (2, 3)]
    np.testing.assert_array_equal(disturbed(1, 8, **how), np.concatenate(halves))


def test_sweeps_are_not_disturbed():
    swept = next(iter(DisturbedSamples(Even(), PAST, Disturbances(gain=1.0)).sweep(2)))
    np.testing.assert_array_equal(swept.values, Even().batch(0, 2).values)


@pytest.mark.parametrize("how", [{"gain": -0.1}, {"blind": 1.5}])
def test_what_cannot_be_done_is_refused(how):
    with pytest.raises(FramesError, match="disturbances of 0 or more"):
        Disturbances(**how)
