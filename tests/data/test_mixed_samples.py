"""Windows of several archives in one series."""

import numpy as np
import pytest

from stormcell.data.archive_samples import ArchiveSamples
from stormcell.data.mixed_samples import MixedSamples
from stormcell.data.windows import find_windows
from stormcell.errors import FramesError
from tests.data.fake_archive import FakeArchive, rain


def samples(side: int = 6, *, plus: float = 0.0, length: int = 3) -> ArchiveSamples:
    archive = FakeArchive(rain(20, side, side) + np.float32(plus), fingerprint=f"plus {plus}")
    return ArchiveSamples(archive, find_windows(archive, length))


def test_each_window_is_the_same_of_its_source_and_shares_are_kept():
    home, away = samples(), samples(plus=64)
    mixed = MixedSamples([home, away], [0.7, 0.3], seed=1)
    drawn = mixed.batch(0, 400)
    from_away = drawn.values.min(axis=(1, 2, 3)) >= 64
    assert 0.2 < from_away.mean() < 0.4
    for window in (0, 17, 399):
        source = away if from_away[window] else home
        np.testing.assert_array_equal(drawn.values[window], source.batch(window, 1).values[0])
        assert drawn.probability[window] == source.batch(window, 1).probability[0]


def test_two_batches_are_one_of_twice_the_size():
    mixed = MixedSamples([samples(), samples(plus=64)], [0.5, 0.5])
    halves = [mixed.batch(number, 4).values for number in (2, 3)]
    np.testing.assert_array_equal(mixed.batch(1, 8).values, np.concatenate(halves))


def test_a_sweep_is_the_first_sources():
    home = samples()
    swept = list(MixedSamples([home, samples(plus=64)], [0.5, 0.5]).sweep(8))
    assert all((one.values == other.values).all() for one, other in zip(swept, home.sweep(8), strict=True))


def test_fingerprints_tell_shares_and_sources():
    home, away = samples(), samples(plus=64)
    same, other = (MixedSamples([home, away], shares).fingerprint for shares in ([0.5, 0.5], [0.6, 0.4]))
    assert same != other
    assert MixedSamples([away, home], [0.5, 0.5]).fingerprint != same


@pytest.mark.parametrize("shares", [[0.5], [0.5, 0.6], [1.0, 0.0]])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(FramesError, match="a share above 0 for each of 2 sources"):
        MixedSamples([samples(), samples()], shares)


def test_windows_of_other_shapes_are_refused():
    with pytest.raises(FramesError, match="one length and shape"):
        MixedSamples([samples(), samples(8)], [0.5, 0.5])
