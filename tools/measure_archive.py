"""How fast random parts of an archive are read: python tools/measure_archive.py ARCHIVE.zarr [frames] [side]."""

import sys
import time
from pathlib import Path

import numpy as np

from stormcell.data.archive import Archive

SECONDS = 3.0


def main(path: str, length: int = 24, side: int = 64) -> None:
    archive = Archive(path)
    whole = np.flatnonzero(np.convolve(archive.present, np.ones(length), "valid") == length)
    rng = np.random.default_rng(0)
    corners = [max(size - side, 0) + 1 for size in archive.grid.shape]
    count, clock, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - clock < SECONDS:
        slot, (row, column) = int(rng.choice(whole)), (int(rng.integers(limit)) for limit in corners)
        archive.block(slot, slot + length, slice(row, row + side), slice(column, column + side))
        count += 1
    elapsed, busy = time.perf_counter() - clock, time.process_time() - cpu
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    print(f"{archive!r}\n{size / 1e6:.1f} MB, {size / max(archive.present.sum(), 1) / 1e3:.2f} kB a scan")
    print(f"crops of {length} x {side} x {side}: {count / elapsed:.0f} a second, {count / busy:.0f} in a second of processor time")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
