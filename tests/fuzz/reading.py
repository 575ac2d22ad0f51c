"""The process that reads mutants, run as a program: a path a line in, how it went a line out. It may write nothing and use only so much.

What a reader may do with a hostile file is read it, or raise a `StormcellError` of one printable line. All else is a finding. The parent
sees from its end how a mutant broke the process: by signals 14 and 27 it took too long, by 25 it wrote to a file, by others it crashed.
"""

import json
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["look"]

_PATIENCE = 6
_LONGEST = 2000  # characters of a message


def look(path: Path) -> tuple[str, str]:
    """Read a mutant: "read", "refused" or "finding", and why.

    Raises:
        Exception: whatever a reader lets out.
    """
    from stormcell.data.read import read
    from stormcell.errors import StormcellError
    from stormcell.frames import check_frames, grid_of

    try:
        frames = check_frames(read(path))
        grid = grid_of(frames)
        about = f"{grid.pixel_km:.3g} {grid.lonlat_box} " if frames.size < 10_000 else ""
    except StormcellError as error:
        problem = _unfit(str(error))
        memory = _by_memory(error)
        return ("finding", f"{problem} in a message: {error!r:.300}") if problem else ("memory" if memory else "refused", str(error)[:300])
    if float(np.fmax.reduce(frames.values, axis=None)) > 1000.0:
        return "finding", "absurd rain"
    words = " ".join(str(value) for value in frames.attrs.values() if isinstance(value, str))
    problem = _unfit(words)
    return ("finding", f"{problem} in an attribute: {words!r:.300}") if problem else ("read", about)


def _unfit(text: str) -> str:
    if len(text) > _LONGEST:
        return f"{len(text)} characters"
    return "" if all(letter.isprintable() or letter == "\n" for letter in text) else "control characters"


def _by_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError) or "Unable to allocate" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _answer(path: Path) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outcome, why = look(path)
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            outcome, why = (
                "finding",
                f"{type(error).__name__}: {' '.join(str(error).split())[:200]} ({Path(where.filename).name}:{where.lineno})",
            )
    return {"outcome": outcome, "why": why}


_WRITES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.symlink",
    "os.link",
    "shutil.move",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "socket.connect",
)
_deeds: list[str] = []


def _audit(event: str, args: tuple[Any, ...]) -> None:
    """Python itself tells what is about to be done."""
    wrote = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if wrote or event in _WRITES:
        _deeds.append(f"{event} {args[:1]}")


def _peak() -> int:
    """The most memory since it was last asked [bytes]."""
    status = Path("/proc/self/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return peak


def _run(megabytes: int, seconds: int, *warm: str) -> None:
    for path in warm:  # what a library loads at its first file belongs to no mutant
        _answer(Path(path))
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    at_rest = _peak()
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.addaudithook(_audit)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, seconds)  # of work
        signal.alarm(_PATIENCE * seconds)  # and of waiting, on a machine that has other work
        _deeds.clear()
        began = time.process_time()
        answer = _answer(Path(line.rstrip("\n")))
        took = time.process_time() - began
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        deeds = list(_deeds)
        if deeds:
            answer = {"outcome": "finding", "why": f"did {deeds[:3]}"}
        print(json.dumps({**answer, "seconds": took, "bytes": max(_peak_now() - at_rest, 0)}), file=answers, flush=True)


def _peak_now() -> int:
    try:
        return _peak()
    except OSError:  # the file that resets the peak counts as one that grows
        return 0


if __name__ == "__main__":
    _run(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
