"""Where independent pieces of work are done: in this process, in a few local ones, or on any Dask cluster.

Each way is a `Runner`: it takes a function and items, which may be endless, and yields the results as they are ready. Only so many are
under way at once, so memory does not grow with the number of items.
"""

import ctypes
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from functools import partial
from importlib import import_module
from itertools import islice
from typing import Any, Protocol, TypeVar

from stormcell.errors import MissingExtraError, StormcellError
from stormcell.progress import listener

__all__ = ["Runner", "runner"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_UNDER_WAY = 3  # items for each worker: one in work, the others on their way in or out
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_CONNECT_SECONDS = 20
_TRIM_THRESHOLD_OF_DASK = "65536"
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from malloc.h
_ADDRESS = re.compile(r"(\w+://)?[^\s/]+:\d+")


class Runner(Protocol):
    """Work through the items.

    Args:
        work: what is done to each; it and the items must be picklable where other processes take part.
        items: taken from lazily, in order.
        lost: the result of an item whose worker died again and again, from the item and a message.

    Returns:
        The results, in any order.
    """

    def __call__(
        self, work: Callable[[Item], Result], items: Iterable[Item], *, lost: Callable[[Item, str], Result]
    ) -> Iterator[Result]: ...


@contextmanager
def runner(workers: int | str = 1) -> Iterator[Runner]:
    """A runner, and whatever it needs while the block lasts.

    Every worker computes in a single thread, so that as many of them as there are cores do not get in each other's way.

    Args:
        workers: 1 works in this process; more start so many local processes; a text such as "tcp://scheduler:8786" is the address of a
            Dask scheduler. Its workers need this package, see the same files under the same names, and have one thread each.

    Raises:
        MissingExtraError: more than this process is wanted, and Dask's `distributed` is not installed.
        StormcellError: fewer than one worker, the address is none, or no scheduler answers there.
    """
    if isinstance(workers, int) and workers < 1:
        raise StormcellError(f"expected 1 worker or more, got {workers}")
    if workers == 1:
        with _one_thread():
            yield _here
        return
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        what = f"a run with {workers} workers" if isinstance(workers, int) else "a run on a Dask cluster"
        raise MissingExtraError("distributed", extra="cloud", purpose=what) from error
    with ExitStack() as stack:
        if isinstance(workers, int):
            stack.enter_context(_variables(_THREAD_VARIABLES))  # torch and BLAS read them as a worker starts
            address = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    memory_limit=0,
                    silence_logs=50,
                )
            )
        elif _ADDRESS.fullmatch(workers):
            address = workers
        else:
            raise StormcellError(f"{workers!r} is no address of a Dask scheduler: expected something like tcp://scheduler:8786")
        try:
            client = stack.enter_context(distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False))
        except OSError as error:
            raise StormcellError(f"{workers}: no Dask scheduler answers there ({' '.join(str(error).split())[:200]})") from error
        yield partial(_on_dask, distributed, client)


def _here(work: Callable[[Item], Result], items: Iterable[Item], *, lost: Callable[[Item, str], Result]) -> Iterator[Result]:
    quiet = copy_context()
    quiet.run(listener.set, None)  # one bar, for the items
    for item in items:
        yield quiet.run(work, item)


def _on_dask(
    distributed: Any, client: Any, work: Callable[[Item], Result], items: Iterable[Item], *, lost: Callable[[Item, str], Result]
) -> Iterator[Result]:
    """Keep the cluster busy with a few items a worker. An item whose worker dies is worked on by another, without our doing.

    When workers die again and again, the scheduler gives up all items that were with them. Which one was to blame shows at the end,
    when each of these has the cluster to itself.
    """
    suspects: list[Item] = []
    for item, future in _finished(distributed, client, work, items, lambda: _UNDER_WAY * _size(client)):
        try:
            result = future.result()
        except distributed.KilledWorker:
            suspects.append(item)
        else:
            yield result
    for item, future in _finished(distributed, client, work, suspects, lambda: 1):
        try:
            result = future.result()
        except distributed.KilledWorker:
            result = lost(item, "its worker died again and again, most likely for want of memory")
        yield result


def _finished(
    distributed: Any, client: Any, work: Callable[[Item], Result], items: Iterable[Item], room: Callable[[], int]
) -> Iterator[tuple[Item, Any]]:
    """Each item and its future, as they come to an end, with as many under way at once as there is room for."""
    waiting = iter(items)
    under_way: dict[str, Item] = {}
    finished = distributed.as_completed(loop=client.loop, raise_errors=False)

    def submit() -> None:
        for item in islice(waiting, max(room() - len(under_way), 0)):
            future = client.submit(_alone, work, item, pure=False)
            under_way[future.key] = item
            finished.add(future)

    submit()
    for future in finished:
        item = under_way.pop(future.key)
        submit()
        yield item, future


def _size(client: Any) -> int:
    """Threads of the whole cluster, 1 while no worker is there yet."""
    threads: int = sum(client.nthreads().values())
    return max(1, threads)


def _alone(work: Callable[[Item], Result], item: Item) -> Result:
    """What a worker runs."""
    _limit_threads()
    _keep_freed_memory()
    try:
        return work(item)
    except StormcellError as error:
        error.__cause__ = error.__context__ = None  # which may not survive the way between processes, and take the message with them
        raise


def _limit_threads() -> None:
    """One thread for OpenCV, and for torch if it is there already; otherwise it will read the environment."""
    import cv2

    cv2.setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _keep_freed_memory() -> None:
    """Undo what Dask sets for its workers: that freed memory goes back to the system at once.

    Every large array then begins with pages that the system has to clear, which makes array work three times as slow.
    """
    if sys.platform == "linux" and os.environ.get("MALLOC_TRIM_THRESHOLD_") == _TRIM_THRESHOLD_OF_DASK:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # only glibc has it, and only glibc reads the variable
        if mallopt:
            mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
            mallopt(_M_TRIM_THRESHOLD, 256 * 2**20)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Within this block the process computes in one thread; what was set before comes back after it."""
    import cv2

    of_cv2 = cv2.getNumThreads()
    of_torch = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else os.cpu_count() or 1
    with _variables(_THREAD_VARIABLES):
        _limit_threads()
        try:
            yield
        finally:
            cv2.setNumThreads(of_cv2)
            if "torch" in sys.modules:
                sys.modules["torch"].set_num_threads(of_torch)


@contextmanager
def _variables(names: Iterable[str]) -> Iterator[None]:
    """Set these variables of the environment to 1 within the block, where they are not set."""
    unset = [name for name in names if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)
