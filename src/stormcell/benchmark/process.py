"""How long a whole process takes, and how much memory it needs at its peak; and processes that measure themselves from inside."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stormcell.errors import StormcellError

__all__ = ["ProcessCost", "Told", "peak_mb", "stormcell_process", "tell", "told_alone"]

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in which `resource` counts memory

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
    return ProcessCost(float(seconds), int(peak) * _RSS_UNIT / 1e6)


def peak_mb() -> float:
    """The most memory that this process held; what the one that started it held is not in it, where the system tells them apart."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT / 1e6


class Told(NamedTuple):
    """What a process found out, by name, and why that is not all; None if it is."""

    values: dict[str, Any]
    failure: str | None


def told_alone(module: str, asked: Mapping[str, Any], *, limit: float) -> Told:
    """Run a module that measures something in a process of its own; see `tell`. Whatever it dies of, what it told before is kept.

    Args:
        module: its full name.
        asked: plain values for it.
        limit: seconds after which it is ended.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "told"
        place.touch()
        words = json.dumps({**asked, "tell": str(place)})
        failure = None
        try:
            done = subprocess.run([sys.executable, "-m", module, words], capture_output=True, text=True, check=False, timeout=limit)
        except subprocess.TimeoutExpired:
            failure = f"took longer than {limit:g} s"
        else:
            if done.returncode < 0:
                failure = f"was ended by signal {-done.returncode}"
            elif done.returncode:
                failure = (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1][:300]
        lines = place.read_text().splitlines(keepends=True)
        values: dict[str, Any] = {}
        for line in lines:
            if line.endswith("\n"):  # the last one may be torn
                values |= json.loads(line)
        return Told(values, failure)


def tell(measure: Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]], words: str) -> None:
    """The other side of `told_alone`, of what it started the module with: each part is told as soon as it is known."""
    asked = json.loads(words)
    with open(asked["tell"], "a") as file:
        for part in measure(asked):
            file.write(json.dumps(part) + "\n")
            file.flush()
