"""The same numbers from any workers, whatever becomes of them."""

import os
import pickle
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice

import pytest

from stormcell import workers as module
from stormcell.benchmark.run import verify
from stormcell.errors import MissingExtraError, StormcellError
from stormcell.workers import runner
from tests.benchmark.hindcasts import Deadly, write_event
from tests.benchmark.test_run import SETTINGS, NeedsMore, assert_same

METHODS = ["persistence", "advection"]


def double(item: int) -> int:
    return 2 * item


def threads(_: int) -> tuple[int, str]:
    import cv2

    return cv2.getNumThreads(), os.environ["OMP_NUM_THREADS"]


def die(item: int) -> int:
    if item == 1:
        os._exit(9)
    return item


def lost(item: int, reason: str) -> int:
    assert "died again and again" in reason
    return -item


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a scheduler with two workers, which gives an item up as soon as its worker dies."""
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    import dask

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        local = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0, silence_logs=50
        )
    with local:
        yield local.scheduler_address


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_do_no_work(workers):
    with pytest.raises(StormcellError, match="expected 1 worker or more"), runner(workers):
        pass


def test_this_process_is_lazy_and_keeps_the_order():
    taken = []
    with runner(1) as run:
        results = run(double, (taken.append(number) or number for number in count()), lost=lost)
        assert list(islice(results, 3)) == [0, 2, 4] and taken == [0, 1, 2]


def test_one_thread_here_and_what_was_set_before_afterwards(monkeypatch):
    import cv2

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = cv2.getNumThreads()
    with runner(1) as run:
        assert list(run(threads, [0], lost=lost)) == [(1, "1")]
    assert cv2.getNumThreads() == before and "OMP_NUM_THREADS" not in os.environ


def test_a_cluster_is_kept_busy_with_a_bounded_number_of_items(cluster):
    taken = []
    with runner(cluster) as run:
        results = run(double, (taken.append(number) or number for number in count()), lost=lost)
        seen, ahead = [], []
        for result in islice(results, 60):
            seen.append(result)
            ahead.append(len(taken) - len(seen))
    assert len(set(seen)) == 60 and set(seen) <= set(range(0, 2 * len(taken), 2))
    assert max(ahead) <= 2 * 3, "two workers, three items each"


def test_a_cluster_gives_the_same_numbers(cluster, tmp_path):
    events = [write_event(tmp_path / "a", steps=13), write_event(tmp_path / "b", steps=9, shape=(30, 26), seed=2)]
    settings = replace(SETTINGS, methods=METHODS)
    here = verify(events, tmp_path / "here", settings)
    assert_same(here, verify(events, tmp_path / "there", settings, workers=cluster))


def test_an_item_that_kills_its_workers_is_lost_and_the_others_are_not(cluster):
    with runner(cluster) as run:
        assert sorted(run(die, range(8), lost=lost)) == [-1, 0, 2, 3, 4, 5, 6, 7]


def test_a_missing_package_is_said_from_afar(cluster, tmp_path):
    event = write_event(tmp_path / "a", steps=6)
    with pytest.raises(StormcellError, match="this method needs dreams"):
        verify(event, tmp_path / "out", replace(SETTINGS, methods={"needs": NeedsMore()}), workers=cluster)


def test_killed_workers_change_no_number(tmp_path):
    pytest.importorskip("distributed", reason="distributed is not installed")
    event = write_event(tmp_path / "a", steps=17)
    settings = replace(SETTINGS, methods={"deadly": Deadly(str(tmp_path / "flag"), at=("12:15", "12:45"))})
    results = verify(event, tmp_path / "out", settings, workers=2)
    assert {path.name for path in tmp_path.glob("flag*")} >= {"flag-12:15", "flag-12:45"}, "two workers have died"
    assert results.failures.empty and results.cases["common"].all()
    assert_same(verify(event, tmp_path / "here", settings), results)


def test_without_distributed_the_extra_is_named(monkeypatch):
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(module, "import_module", absent)
    for workers in (2, "tcp://scheduler:8786"):
        with pytest.raises(MissingExtraError, match=r"pip install 'stormcell\[cloud\]'"), runner(workers):
            pass


def test_no_scheduler_there(monkeypatch):
    pytest.importorskip("distributed", reason="distributed is not installed")
    monkeypatch.setattr(module, "_CONNECT_SECONDS", 1)
    with pytest.raises(StormcellError, match="tcp://127.0.0.1:1: no Dask scheduler answers there"), runner("tcp://127.0.0.1:1"):
        pass
    with pytest.raises(StormcellError, match="'nonsense' is no address of a Dask scheduler"), runner("nonsense"):
        pass


def test_the_copy_of_a_task_is_small():
    assert len(pickle.dumps(replace(SETTINGS, methods=METHODS).task())) < 1000
