"""What every source of samples promises, tested on the one that reads an archive."""

import numpy as np
import pytest

from stormcell.data.archive_samples import ArchiveSamples
from stormcell.data.samples import Batch, Samples
from stormcell.data.windows import find_windows
from tests.data.fake_archive import FakeArchive, rain


def _of_archive() -> Samples:
    archive = FakeArchive(rain(40, 12, 12))
    return ArchiveSamples(archive, find_windows(archive, 5), size=8, seed=1)


SOURCES = {"archive": _of_archive}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_the_contract(source):
    samples = source()
    batch = samples.batch(3, 4)
    assert isinstance(batch, Batch)
    assert batch.values.shape == (4, samples.length, *samples.shape) and batch.values.dtype == np.float32
    assert batch.values.flags.c_contiguous and batch.values.flags.writeable
    assert batch.probability.shape == (4,) and batch.probability.dtype == np.float64 and (batch.probability > 0).all()
    assert len(samples.fingerprint) == 16 and int(samples.fingerprint, 16) >= 0
    assert source().fingerprint == samples.fingerprint


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_batch_is_a_function_of_its_number_and_size(source):
    first, second = source(), source()
    early = [first.batch(number, 3) for number in range(5)]
    for number in (4, 0, 2):  # in another order, by another object, after other questions
        list(second.sweep(2))
        late = second.batch(number, 3)
        np.testing.assert_array_equal(late.values, early[number].values)
        np.testing.assert_array_equal(late.probability, early[number].probability)
    assert not np.array_equal(early[0].values, early[1].values)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_batch_is_the_callers_own(source):
    samples = source()
    kept = samples.batch(0, 2).values.copy()
    samples.batch(0, 2).values[:] = -1.0
    next(samples.sweep(2)).values[:] = -1.0
    np.testing.assert_array_equal(samples.batch(0, 2).values, kept)
    assert (next(samples.sweep(2)).values >= 0).all()


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_sweep_is_the_same_each_time_and_in_any_portions(source):
    samples = source()
    whole = np.concatenate([batch.values for batch in samples.sweep(1)])
    parts = [batch.values for batch in samples.sweep(7)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert all(len(part) == 7 for part in parts[:-1]) and 1 <= len(parts[-1]) <= 7
    np.testing.assert_allclose(np.concatenate([batch.probability for batch in samples.sweep(7)]), 1 / len(whole))
