"""A process of the service does not outlive the one that started it."""

import multiprocessing
import os
import signal
import threading

__all__ = ["end_with_parent"]


def end_with_parent() -> None:
    """Tell this process to end (SIGTERM) when the one that started it is gone, however that went.

    After a kill -9 nobody else would: cycles would go on without end, and their lock would keep out those of the next start.

    Raises:
        RuntimeError: no process of multiprocessing started this one.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("end_with_parent: this process was not started by multiprocessing")

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="stormcell-parent", daemon=True).start()
