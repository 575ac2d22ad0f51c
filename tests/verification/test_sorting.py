import numpy as np
import pytest

from stormcell.verification.sorting import in_order, sorting_network


@pytest.mark.parametrize("count", range(1, 18))
def test_sorts_every_order_of_zeros_and_ones(count):
    """What sorts all of these sorts anything (Knuth's 0-1 principle)."""
    numbers = np.arange(2**count, dtype=np.int64) if count <= 12 else np.random.default_rng(0).integers(0, 2**count, 4096)
    rows = [(numbers >> bit & 1).astype(np.float32) for bit in range(count)]
    ordered = in_order(rows, list(np.empty((count + 1, numbers.size), np.float32)))
    np.testing.assert_array_equal(ordered, np.sort(rows, axis=0))


@pytest.mark.parametrize("count", [24, 50, 101])
def test_sorts_large_ensembles_and_leaves_them_as_they_were(count):
    rows = np.random.default_rng(count).gamma(0.3, size=(count, 500)).astype(np.float32)
    before = rows.copy()
    np.testing.assert_array_equal(in_order(list(rows), list(np.empty((count + 1, 500), np.float32))), np.sort(rows, axis=0))
    np.testing.assert_array_equal(rows, before)


def test_as_few_comparisons_as_batcher_needs():
    assert [len(sorting_network(count)[0]) for count in (1, 2, 4, 8, 16, 24)] == [0, 1, 5, 19, 63, 127]
