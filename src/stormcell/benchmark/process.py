"""How long a whole process takes, and how much memory it needs at its peak."""

import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from stormcell.errors import StormcellError

__all__ = ["ProcessCost", "stormcell_process"]

_STARTER = """
import resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


class ProcessCost(NamedTuple):
    """Wall time [s] and peak resident memory [MB] of a process."""

    seconds: float
    peak_mb: float


def stormcell_process(arguments: Sequence[str]) -> ProcessCost:
    """Run `stormcell` with these arguments in a process of its own.

    Raises:
        StormcellError: it did not end well; the message carries what it said.
    """
    work = [sys.executable, "-c", "from stormcell.cli import main; main()", *arguments]
    # A process inherits the peak memory of the one that starts it, so a small one in between starts and measures the work.
    done = subprocess.run([sys.executable, "-S", "-c", _STARTER, *work], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StormcellError(f"stormcell {' '.join(arguments)} ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
    seconds, peak = done.stdout.split()[-2:]
    unit = 1 if sys.platform == "darwin" else 1024
    return ProcessCost(float(seconds), int(peak) * unit / 1e6)
