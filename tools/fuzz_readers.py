"""Read many mutants of radar files in a limited process, and write how it went to docs/benchmarks/fuzzing.md.

`make fuzz` runs it: python -m tools.fuzz_readers [--count 20000] [--minutes 60] [--page] [FORMAT ...]. Goes on where it was stopped,
from the sums in docs/benchmarks/fuzzing/; remove those of a format whose reader was changed.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.fuzz.mutants import write_mutant
from tests.fuzz.seeds import FORMATS, write_seeds
from tests.fuzz.watched import MEGABYTES, SECONDS, Watched

KEPT = Path("docs/benchmarks/fuzzing")
PAGE = Path("docs/benchmarks/fuzzing.md")
NAMES = {
    "odim": "ODIM_H5, also in tar",
    "knmi": "KNMI HDF5",
    "bom": "BoM Rainfields NetCDF",
    "fmi": "FMI PGM",
    "meteoswiss": "MeteoSwiss GIF",
    "mrms": "MRMS GRIB2",
    "radolan": "DWD RADOLAN, also in tar",
    "cf": "CF NetCDF-3 and -4",
    "zarr": "Zarr v2, v3 and archives",
}
OUTCOMES = ("read", "refused", "memory", "finding", "crash", "hang")


def fuzz(name: str, count: int, until: float) -> dict[str, Any]:
    """Read the mutants of a format that were not read before, until the time is over; the sums so far."""
    kept = KEPT / f"{name}.json"
    start: dict[str, Any] = {"mutants": 0, "seconds": 0.0, "slowest": 0.0, "bytes": 0, **dict.fromkeys(OUTCOMES, 0), "odd": []}
    done = json.loads(kept.read_text()) if kept.is_file() else start
    with tempfile.TemporaryDirectory(prefix="stormcell-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as place:
        folder = Path(place)
        with Watched(folder, write_seeds(name, folder / "warm")) as watched:
            while done["mutants"] < count and time.monotonic() < until:
                path = write_mutant(name, done["mutants"], folder / "mutants")
                reading = watched.read(path)
                if reading.outcome not in ("read", "refused") and len(done["odd"]) < 500:
                    done["odd"].append([done["mutants"], reading.outcome, reading.why])
                    print(name, done["mutants"], reading.outcome, reading.why[:300], file=sys.stderr, flush=True)
                done[reading.outcome] += 1
                done["mutants"] += 1
                done["seconds"] += reading.seconds
                done["slowest"] = max(done["slowest"], reading.seconds)
                done["bytes"] = max(done["bytes"], reading.bytes)
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                if done["mutants"] % 500 == 0 or done["mutants"] == count:
                    _keep(kept, done)
    _keep(kept, done)
    return done


def _keep(path: Path, done: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(done, indent=1))


_HEAD = f"""# Hostile radar files

Written by `make fuzz` (`tools/fuzz_readers.py`). Small good files of each format, made by the tests' own writers and shrunk from real ones,
are changed: bits, bytes, cuts, swapped heads, numbers of the kind that break readers; and by their structure: attributes, sizes, types
and links of HDF5, sections of GRIB, screens of GIF, words of text headers, names, links and sizes in tar, documents, chunks and pipes in
Zarr; with gzip and bzip2 around them, damaged, doubled or with a bomb behind. Each mutant is read by `stormcell.read` in a process that
may use {MEGABYTES} MB of address space and {SECONDS} s of processor time and write nothing.

*Read* gave a field that keeps the contract of frames. *Refused* is an error of one printable line that names the file. *At the memory
limit* was refused by an error too, but only as the limit was reached. A *finding* is anything else: an exception of another kind, a file
written, rain that no radar measures, control characters in what would be printed. *Crashes* happened inside the libraries
that decode (HDF5, GDAL, PROJ): they end the process that decodes, which the service, and `--isolated` elsewhere, turn into an error.

| format | mutants | read | refused | at the memory limit | findings | crashes | longer than {SECONDS} s | slowest s | most memory MB |
|---|---|---|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The table of what has been read so far."""
    rows = []
    for name, title in NAMES.items():
        kept = KEPT / f"{name}.json"
        if kept.is_file():
            done = json.loads(kept.read_text())
            numbers = " | ".join(f"{done[outcome]:,}" for outcome in OUTCOMES)
            rows.append(f"| {title} | {done['mutants']:,} | {numbers} | {done['slowest']:.1f} | {done['bytes'] / 1e6:,.0f} |")
    return _HEAD + "\n".join(rows) + "\n"


def main() -> None:
    """What the command does."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("formats", nargs="*", default=list(FORMATS))
    words.add_argument("--count", type=int, default=20_000)
    words.add_argument("--minutes", type=float, default=60.0, help="for all formats together")
    words.add_argument("--page", action="store_true", help="only write the page")
    given = words.parse_args()
    until = time.monotonic() + 60 * given.minutes
    for number, name in enumerate([] if given.page else given.formats):
        share = (until - time.monotonic()) / (len(given.formats) - number)
        done = fuzz(name, given.count, time.monotonic() + share)
        print(name, {key: value for key, value in done.items() if key != "odd"}, flush=True)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
