"""Foreign files are decoded by a process of its own, with limits on time, memory and what it may write: what breaks it breaks nothing else.

The process is this module run as a program. What it read comes back as plain numbers and JSON, in a folder that is removed afterwards.
"""

import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pyproj import CRS

from stormcell.errors import ReadError, StormcellError
from stormcell.frames import make_frames
from stormcell.grid import Grid

__all__ = ["Limits", "decode"]

_LONGEST = 1000  # characters of a message


@dataclass(frozen=True)
class Limits:
    """What the process that decodes may use.

    Args:
        seconds: of processor time for each file, and twice as many by the clock.
        megabytes: of address space, and of any file it writes.
    """

    seconds: int = 60
    megabytes: int = 4096


def decode(files: Sequence[Path], limits: Limits = Limits(), *, bbox: str | None = None) -> Iterator[tuple[Path, xr.DataArray | ReadError]]:
    """Read radar files in a process with limits; the next files have a new one if a file breaks it.

    Args:
        files: of any format that `stormcell.data.read` knows.
        limits: of the process.
        bbox: only this box, "west,south,east,north" in degrees; what lies around it does not come back from the process.

    Yields:
        each file with its frames, (time, y, x) rain rate [mm h-1] as `stormcell.read` gives them, or with why it cannot be read: what the
        reader said, or which limit the process reached.
    """
    left = list(files)
    while left:
        with tempfile.TemporaryDirectory(prefix="stormcell-decode-") as folder:
            died = _died(left, Path(folder), limits, bbox)
            done = 0
            for number, file in enumerate(left):
                result = _result(Path(folder), number, file)
                if result is None:
                    break
                done = number + 1
                yield file, result
        if done < len(left):  # the process ended while it read this one
            yield left[done], ReadError(f"{left[done]}: {died or 'the process that decodes it ended before it was read'}")
            done += 1
        left = left[done:]


def _died(files: Sequence[Path], folder: Path, limits: Limits, bbox: str | None) -> str | None:
    """Run the process; how it ended, if not well."""
    names = [str(file.resolve()) for file in files]
    command = [
        sys.executable,
        "-m",
        "stormcell.service.decode",
        str(limits.seconds * len(files)),
        str(limits.megabytes),
        bbox or "",
        str(folder),
        *names,
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads reserve memory that is never used
    patience = 2 * limits.seconds * len(files) + 10
    try:
        done = subprocess.run(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience)
    except subprocess.TimeoutExpired:
        return f"could not be decoded within {patience} s"
    if done.returncode == 0:
        return None
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    how = f"by signal {-done.returncode}" if done.returncode < 0 else f"with status {done.returncode}"
    last = said[-1][:_LONGEST] if said else "it said nothing"
    return f"the process that decodes it ended {how} (limits: {limits.seconds} s, {limits.megabytes} MB): {last}"


def _result(folder: Path, number: int, file: Path) -> xr.DataArray | ReadError | None:
    """What the process left of a file; None if nothing whole."""
    path = folder / f"{number}.json"
    if not path.is_file():
        return None
    about = json.loads(path.read_text(encoding="utf-8"))
    for message in about["warnings"]:
        warnings.warn(f"{file.name}: {message}", UserWarning, stacklevel=3)
    if "problem" in about:
        return ReadError(about["problem"])
    grid = Grid(CRS.from_wkt(about["crs"]), np.array(about["x"]), np.array(about["y"]))
    values = np.load(folder / f"{number}.npy", allow_pickle=False)
    return make_frames(values, np.array(about["times"], "datetime64[ns]"), grid, **about["attrs"])


def _limit(seconds: int, megabytes: int) -> None:
    """The process may use no more than this from here on."""
    import resource

    size = megabytes * 1024 * 1024
    for kind, amount in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, size),
        (resource.RLIMIT_FSIZE, size),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (amount, amount))


def _read_one(file: str, values: Path, bbox: str) -> dict[str, Any]:
    """What there is to say about a file; its numbers go to `values`."""
    from stormcell.data.cut_out import parse_bbox
    from stormcell.data.read import read
    from stormcell.frames import grid_of

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            frames = read(file, bbox=parse_bbox(bbox) if bbox else None)
        except StormcellError as error:
            return {"problem": " ".join(str(error).split())[:_LONGEST], "warnings": []}
    grid = grid_of(frames)
    np.save(values, frames.values, allow_pickle=False)
    return {
        "times": [str(moment) for moment in frames["time"].values],
        "crs": grid.crs.to_wkt(),
        "x": grid.x.tolist(),
        "y": grid.y.tolist(),
        "attrs": {str(name): value for name, value in frames.attrs.items() if isinstance(value, str | int | float)},
        "warnings": [str(one.message) for one in said if issubclass(one.category, UserWarning)],
    }


def _run(seconds: str, megabytes: str, bbox: str, folder: str, *files: str) -> None:
    """What the process does."""
    _limit(int(seconds), int(megabytes))
    for number, file in enumerate(files):
        about = _read_one(file, Path(folder) / f"{number}.npy", bbox)
        beside = Path(folder) / "unfinished"
        beside.write_text(json.dumps(about), encoding="utf-8")
        beside.rename(Path(folder) / f"{number}.json")


if __name__ == "__main__":
    _run(*sys.argv[1:])
