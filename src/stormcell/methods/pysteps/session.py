"""The block within which pysteps is at work: silent, one at a time, without traces in the process."""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import numpy as np

from stormcell.errors import MethodError, MissingExtraError, StormcellError

__all__ = ["pysteps_at_work"]

_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def pysteps_at_work(method: str) -> Iterator[Any]:
    """Hand out the pysteps module, and undo what it does to the process while the block lasts.

    It prints (also when it is imported), silences every RuntimeWarning of the process, warns of what is of no use to a caller, and seeds
    numpy's global random state. All of these belong to the process and not to a thread, so one block runs at a time. Its Dask work
    rests on shared memory, so it stays in threads, even where a Dask cluster is at hand.

    Args:
        method: name of the method at work, for messages.

    Raises:
        MissingExtraError: pysteps is not installed.
        MethodError: pysteps raised an exception; the message has its own.
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        pysteps = _load(method)
        import dask

        random_state = np.random.get_state()
        try:
            with dask.config.set(scheduler="threads"):
                yield pysteps
        except (StormcellError, MemoryError):
            raise
        except Exception as error:
            said = " ".join(str(error).split())
            raise MethodError(
                f"{method}: pysteps gave up on these frames ({type(error).__name__}: {said}); give other frames, or choose another method"
            ) from error
        finally:
            np.random.set_state(random_state)


def _load(method: str) -> Any:
    try:
        import pysteps
        import pysteps.motion
        import pysteps.nowcasts
    except ImportError as error:
        raise MissingExtraError("pysteps", extra="pysteps", purpose=f"the method {method!r}") from error
    return pysteps
