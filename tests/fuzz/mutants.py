"""A mutant is told by its format and its number: the same ones make the same file, on any machine with the same seeds."""

import random
from functools import cache
from pathlib import Path

from tests.fuzz.binary_edits import edited_gif, edited_grib
from tests.fuzz.blind import blind, packed, reworded, tarred
from tests.fuzz.folder_edits import edited_folder, write_folder
from tests.fuzz.hdf5_edits import edited
from tests.fuzz.seeds import FORMATS, seeds_of

__all__ = ["write_mutant"]

_HDF5 = b"\x89HDF"


@cache
def _others() -> list[bytes]:
    return [seed[:4096] for name in FORMATS for seed in seeds_of(name) if isinstance(seed, bytes)]


def write_mutant(name: str, number: int, folder: Path) -> Path:
    """Write a mutant into an empty folder; its path."""
    rng = random.Random(f"{name} {number}")
    seeds = seeds_of(name)
    seed = rng.choices(seeds, [1 / (1 + place) for place in range(len(seeds))])[0]
    if isinstance(seed, dict):
        path = folder / f"{number}.zarr"
        write_folder(path, *edited_folder(rng, seed))
        return path
    path = folder / str(number)
    path.write_bytes(packed(rng, _mutated(rng, name, seed)))
    return path


def _mutated(rng: random.Random, name: str, seed: bytes) -> bytes:
    if rng.random() < 0.4:
        return blind(rng, seed, _others())
    if seed.startswith(_HDF5):
        content = edited(rng, seed)
        return tarred(rng, [content, seed]) if name == "odim" and rng.random() < 0.15 else content
    if name == "mrms":
        return edited_grib(rng, seed)
    if name == "meteoswiss" and rng.random() < 0.7:
        return edited_gif(rng, seed)
    if name in ("radolan", "odim") and rng.random() < 0.25:
        return tarred(rng, [reworded(rng, seed), seed])
    return reworded(rng, seed)
