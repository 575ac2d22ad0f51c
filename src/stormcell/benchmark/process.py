"""How long a whole process takes, and how much memory it needs at its peak."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from stormcell.errors import StormcellError

__all__ = ["ProcessCost", "stormcell_process"]


class ProcessCost(NamedTuple):
    """Wall time [s] and peak resident memory [MB] of a process."""

    seconds: float
    peak_mb: float


def stormcell_process(arguments: Sequence[str]) -> ProcessCost:
    """Run `stormcell` with these arguments in a process of its own.

    Raises:
        StormcellError: it did not end well; the message carries what it said.
    """
    command = [sys.executable, "-c", "from stormcell.cli import main; main()", *arguments]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        said = process.stderr.read() if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise StormcellError(f"stormcell {' '.join(arguments)} ended with status {process.returncode}: {said.strip()[-300:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return ProcessCost(time.perf_counter() - start, usage.ru_maxrss * unit / 1e6)
