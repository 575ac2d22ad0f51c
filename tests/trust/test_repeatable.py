"""The same past and seed give the same forecast: in another process, with other hashes, on one thread or two."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from stormcell.methods.shipped import is_guided, shipped_models
from tests.strict import PYTHON

ROOT = Path(__file__).parents[2]
CLASSICAL = ("persistence", "advection", "rover", "rover-linear", "sprog", "steps", "lagrangian-probability")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _made(folder: Path, threads: int, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Method -> forecast, by a process with so many threads, and hashes of its own."""
    file = folder / f"{threads}.npz"
    settings = dict.fromkeys(THREAD_VARIABLES, str(threads)) | {"PYTHONHASHSEED": str(threads)}
    subprocess.run(
        [*PYTHON, "-m", "tests.trust.forecasts", str(file), str(threads), *names],
        cwd=ROOT,
        env=os.environ | settings,
        check=True,
    )
    with np.load(file) as made:
        return dict(made)


def test_threads_and_processes_change_no_bit_of_the_classical_methods(tmp_path):
    one, two = (_made(tmp_path, threads, CLASSICAL) for threads in (1, 2))
    assert set(one) == {*CLASSICAL, "steps*3"}
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


@pytest.mark.slow
def test_threads_change_a_ten_thousandth_of_what_networks_say(tmp_path):
    """Sums in another order, step after step. The guided network works in 8 bits and its decision has a threshold, so that one pixel in a
    hundred may come out otherwise."""
    one, two = (_made(tmp_path, threads, tuple(shipped_models())) for threads in (1, 2))
    for name in one:
        np.testing.assert_array_equal(np.isnan(one[name]), np.isnan(two[name]))
        known = np.isfinite(one[name])
        off = np.abs(one[name][known] - two[name][known]) > 1e-4 * np.maximum(one[name][known], 1)
        assert off.mean() <= (0.01 if is_guided(name) else 0), name
