"""Foreign files read by a process of its own, with limits on time, memory and what it may write: what breaks it breaks nothing else.

The process is this module run as a program. It is asked in lines of JSON and answers so; what it read comes back as plain numbers in a
folder that is removed afterwards. It starts at the first question, and anew after a file broke it.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import xarray as xr
from pyproj import CRS

from stormcell.data.cut_out import Box
from stormcell.data.printable import printable
from stormcell.errors import ReadError, StormcellError, UnknownFormatError
from stormcell.frames import Times, grid_of, label_frames
from stormcell.grid import Grid
from stormcell.units import ZRRule

__all__ = ["USUAL", "Decoder", "Limits", "decoder_for"]

_PROBLEMS = {"UnknownFormatError": UnknownFormatError}


@dataclass(frozen=True)
class Limits:
    """What the process that decodes may use.

    Args:
        seconds: of processor time for each file, and twice as many by the clock.
        megabytes: of address space, and of any file it writes.
    """

    seconds: int = 60
    megabytes: int = 4096


USUAL = Limits()


class Decoder:
    """Reads files in a process with limits; close it, or use it in a `with`.

    Args:
        limits: of the process.
    """

    def __init__(self, limits: Limits = USUAL) -> None:
        self.limits = limits
        self._process: subprocess.Popen[str] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """In another process it starts one of its own."""
        return type(self), (self.limits,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and remove what it left."""
        if self._process is not None:
            self._process.kill()
            self._wait()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def times(self, path: Path) -> tuple[str, Times]:
        """The name of a file's format, and its times.

        Raises:
            ReadError: as the reader says, or which limit the process reached.
        """
        answer = self._ask(path, do="times")
        return str(answer["format"]), np.array(answer["times"], np.int64).astype("datetime64[ns]")

    def read(
        self, path: Path, *, zr: ZRRule | None, since: np.datetime64 | None, until: np.datetime64 | None, bbox: Box | None
    ) -> tuple[xr.DataArray, list[str]]:
        """What `stormcell.data.read.read_scan` gives, and the warnings about it.

        Raises:
            ReadError: as the reader says, or which limit the process reached.
        """
        answer = self._ask(path, do="read", zr=asdict(zr) if zr else None, bbox=bbox, since=_nanoseconds(since), until=_nanoseconds(until))
        assert self._folder is not None
        values = np.load(Path(self._folder.name) / "values.npy", allow_pickle=False)
        grid = Grid(CRS.from_wkt(answer["crs"]), np.array(answer["x"]), np.array(answer["y"]))
        times = np.array(answer["times"], np.int64).astype("datetime64[ns]")
        return label_frames(values, times, grid, **{**answer["attrs"], "file": str(path)}), answer["warnings"]

    def _ask(self, path: Path, **question: Any) -> dict[str, Any]:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        patience = 2 * self.limits.seconds + 10
        line: str | None = ""
        try:
            process.stdin.write(json.dumps({"path": str(path.absolute()), **question}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline() if select.select([process.stdout], [], [], patience)[0] else None
        except BrokenPipeError:
            pass  # it ended before it was asked
        if not line:
            raise ReadError(f"{path}: {self._died(slow=line is None, patience=patience)}")
        answer: dict[str, Any] = json.loads(line)
        if "problem" in answer:
            problem = str(answer["problem"]).replace(str(path.absolute()), str(path), 1)
            raise _PROBLEMS.get(answer["kind"], ReadError)(problem)
        return answer

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix="stormcell-decode-")
            place = Path(self._folder.name)
            command = [sys.executable, "-m", "stormcell.data.isolated", str(self.limits.seconds), str(self.limits.megabytes)]
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads reserve memory that is never used
            with (place / "said").open("w") as said:
                self._process = subprocess.Popen(
                    command, env=environment, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
                )
        return self._process

    def _died(self, *, slow: bool, patience: int) -> str:
        """How the process ended; it is waited for."""
        assert self._process is not None and self._folder is not None
        if slow:
            self._process.kill()
        status = self._wait()
        if slow:
            return f"could not be decoded within {patience} s"
        said = (Path(self._folder.name) / "said").read_text("utf-8", "replace").strip().splitlines()
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        last = printable(said[-1]) if said else "it said nothing"
        return f"the process that decodes it ended {how} (limits: {self.limits.seconds} s, {self.limits.megabytes} MB): {last}"

    def _wait(self) -> int:
        assert self._process is not None
        process, self._process = self._process, None
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except BrokenPipeError:
                pass  # what it was asked last, it never read
        return process.wait()


@contextmanager
def decoder_for(isolated: bool | Decoder) -> Iterator[Decoder | None]:
    """The decoder that is given, one with the usual limits while the block lasts, or none: files are then read in this process."""
    if isinstance(isolated, Decoder):
        yield isolated
    elif isolated:
        with Decoder() as decoder:
            yield decoder
    else:
        yield None


def _nanoseconds(moment: np.datetime64 | None) -> int | None:
    return None if moment is None else int(moment.astype("datetime64[ns]").astype(np.int64))


def _limit(seconds: int, megabytes: int) -> None:
    """The process may use no more than this from here on, and so much time until it is limited again."""
    import resource

    size = megabytes * 1024 * 1024
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, hard))
    for kind, amount in ((resource.RLIMIT_AS, size), (resource.RLIMIT_FSIZE, size), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (amount, amount))


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    from stormcell.data.read import find_scans, read_scan

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            (scan,) = find_scans(question["path"])
            if question["do"] == "times":
                return {"format": scan.format, "times": scan.times.astype("datetime64[ns]").astype(np.int64).tolist()}
            span = {name: None if question[name] is None else np.datetime64(question[name], "ns") for name in ("since", "until")}
            rule = ZRRule(**question["zr"]) if question["zr"] else None
            frames = read_scan(scan, zr=rule, bbox=tuple(question["bbox"]) if question["bbox"] else None, **span)
        except StormcellError as error:
            return {"problem": printable(str(error)), "kind": type(error).__name__}
    grid = grid_of(frames)
    np.save("values.npy", frames.values, allow_pickle=False)
    return {
        "times": frames["time"].values.astype(np.int64).tolist(),
        "crs": grid.crs.to_wkt(),
        "x": grid.x.tolist(),
        "y": grid.y.tolist(),
        "attrs": {str(name): value for name, value in frames.attrs.items() if isinstance(value, str | int | float)},
        "warnings": [str(one.message) for one in said if issubclass(one.category, UserWarning)],
    }


def _run(seconds: int, megabytes: int, questions: IO[str]) -> None:
    """What the process does."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    for line in questions:
        _limit(seconds, megabytes)
        print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    _limit(int(sys.argv[1]), int(sys.argv[2]))
    _run(int(sys.argv[1]), int(sys.argv[2]), sys.stdin)
