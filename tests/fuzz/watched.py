"""The parent of the process that reads mutants: asks, waits so long, sees how the process ended, and what it left on disk."""

import json
import os
import select
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

__all__ = ["MEGABYTES", "SECONDS", "Reading", "Watched"]

MEGABYTES, SECONDS = 4096, 20
_ROOT = Path(__file__).parents[2]
_ENDS = {14: "hang", 27: "hang", 25: "finding"}  # SIGALRM, SIGPROF, SIGXFSZ
_SAYS = {14: "waited for ever", 27: f"took longer than {SECONDS} s", 25: "wrote to a file"}


@dataclass(frozen=True)
class Reading:
    """How a mutant went: read, refused (a clear error), memory (refused at the limit), finding, crash or hang; and why."""

    outcome: str
    why: str
    seconds: float = 0.0
    bytes: int = 0


class Watched:
    """A process that reads mutants in an empty folder of its own; a new one after it broke.

    Args:
        folder: what only this process uses; the mutants lie in `folder / "mutants"`.
        warm: good files that it reads first.
    """

    def __init__(self, folder: Path, warm: list[Path]) -> None:
        self.folder, self._warm = folder, [str(path) for path in warm]
        for name in ("mutants", "here", "home", "temporary"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[str] | None = None
        self.started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._end(self._process)

    def read(self, path: Path) -> Reading:
        """Have it read a file, and look what it left behind."""
        reading = self._ask(path)
        left = [str(found) for name in ("here", "home", "temporary") for found in (self.folder / name).rglob("*")]
        left += [name for name in os.listdir(self.folder) if name not in ("mutants", "here", "home", "temporary", "warm")]
        return Reading("finding", f"left {left[:3]} behind", reading.seconds, reading.bytes) if left else reading

    def _ask(self, path: Path) -> Reading:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            line = process.stdout.readline() if select.select([process.stdout], [], [], 8 * SECONDS)[0] else None
        except BrokenPipeError:
            line = ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return Reading(**answer)
        if line is None:  # not even the alarm ended it
            process.kill()
        status = self._end(process)
        said = (self.folder / "mutants" / ".said").read_text(errors="replace").strip().splitlines()[-1:]
        if line is None:
            return Reading("hang", "did not even end at the alarm", SECONDS)
        return Reading(
            _ENDS.get(status, "crash"), _SAYS.get(status, f"ended by signal {status} {said}"), SECONDS if status in (14, 27) else 0.0
        )

    def _end(self, process: "subprocess.Popen[str]") -> int:
        """Wait for its end: by which signal it came."""
        status = -process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):  # it may hold what the process no longer reads
                pipe.close()
        self._process = None
        return status

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            code = f"{_ROOT}{os.pathsep}{_ROOT / 'src'}"
            places = {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "temporary"), "PYTHONPATH": code}
            quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONFAULTHANDLER": ""}
            command = [sys.executable, "-m", "tests.fuzz.reading", str(MEGABYTES), str(SECONDS), *self._warm]
            with (self.folder / "mutants" / ".said").open("w") as said:
                self._process = subprocess.Popen(
                    command,
                    env={**os.environ, **places, **quiet},
                    cwd=self.folder / "here",
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    text=True,
                )
            assert self._process.stdout is not None
            if self._process.stdout.readline() != "ready\n":
                raise RuntimeError(f"the process that reads mutants does not start: {(self.folder / 'mutants' / '.said').read_text()}")
            self.started += 1
        return self._process
