"""What fuzzing found, each as the few lines that build it: the smallest change of a good file that showed it."""

import gzip
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from tests.data import radar_files as make
from tests.fuzz.folder_edits import write_folder
from tests.fuzz.seeds import seeds_of

__all__ = ["CORPUS"]


def _odim(path: Path, change: Callable[[h5py.File], None]) -> Path:
    make.odim(path)
    with h5py.File(path, "a") as file:
        change(file)
    return path


def _image(file: h5py.File, **more: object) -> None:
    del file["dataset1/data1/data"]
    file["dataset1/data1"].create_dataset("data", **more)


def _in_a_circle(path: Path, packed: bool = False) -> Path:
    """The first gap between the names at the root says that it is the next one: HDF5 filled all memory."""
    content = bytearray(make.knmi(path).read_bytes())
    heap = content.index(b"HEAP")
    size, _, segment = struct.unpack_from("<QQQ", content, heap + 8)
    struct.pack_into("<Q", content, heap + 16, size - 16)
    struct.pack_into("<QQ", content, segment + size - 16, size - 16, 16)
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def _no_way_on(path: Path, index: int, size: int) -> Path:
    """The second object of a collection is so long that HDF5 steps to it for ever."""
    _netcdf(path, lambda _: None)
    content = bytearray(path.read_bytes())
    first = content.index(b"GCOL") + 16
    (length,) = struct.unpack_from("<Q", content, first + 8)
    struct.pack_into("<HHIQ", content, first + 16 + -(-length // 8) * 8, index, 0, 0, size)
    path.write_bytes(content)
    return path


def _bom_axis(path: Path) -> Path:
    make.bom(path)
    with h5py.File(path, "a") as file:
        del file["x"]
        file.create_dataset("x", shape=(10**9,), dtype="f8", chunks=(1000,))
    return path


def _netcdf(path: Path, change: Callable[[h5py.File], None]) -> Path:
    path.write_bytes(next(seed for seed in seeds_of("cf") if isinstance(seed, bytes) and seed.startswith(b"\x89HDF")))
    with h5py.File(path, "a") as file:
        change(file)
    return path


def _axes_by_number(file: h5py.File) -> None:
    """HDF5's own code wrote over memory that is not its own."""
    del file["field"].attrs["DIMENSION_LIST"]
    file["field"].attrs["DIMENSION_LIST"] = np.full(3, 7.0)


def _long_axis(file: h5py.File) -> None:
    attrs = {"units": "degrees_north"}
    del file["lat"]
    file.create_dataset("lat", shape=(10**10,), dtype="f8", chunks=(1000,))
    file["lat"].attrs.update(attrs)


def _zarr(path: Path, spoil: Callable[[Path], None], version: int = 0) -> Path:
    tree = seeds_of("zarr")[version]
    assert isinstance(tree, dict)
    write_folder(path.with_suffix(".zarr"), tree, {})
    spoil(path.with_suffix(".zarr"))
    return path.with_suffix(".zarr")


def _pipe(folder: Path) -> None:
    chunk = next(path for path in (folder / "time").rglob("*") if path.is_file() and path.name != "zarr.json")
    chunk.unlink()
    os.mkfifo(chunk)


def _device(folder: Path) -> None:
    chunk = next(path for path in (folder / "time").rglob("*") if path.is_file() and path.name != "zarr.json")
    chunk.unlink()
    chunk.symlink_to("/dev/zero")


def _described(**change: object) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "field" / ("zarr.json" if (folder / "zarr.json").exists() else ".zarray")
        path.write_text(json.dumps(json.loads(path.read_text()) | change))

    return spoil


def _bomb(folder: Path) -> None:
    chunk = next(path for path in (folder / "time").rglob("*") if path.is_file() and path.name != "zarr.json")
    chunk.write_bytes(bytes(200_000))


def _attribute(node: str, name: str, value: object) -> Callable[[h5py.File], None]:
    return lambda file: file[node].attrs.__setitem__(name, value)


def _link(name: str, link: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = link

    return change


_PICKLE = [{"id": "vlen-utf8"}, {"id": "pickle"}]
_HUGE = {"shape": [3, 2**40, 4], "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [3, 2**40, 4]}}}
_WIDE = np.dtype(("f4", (1000, 1000)))

# what it is -> (how to build it, what the error says)
CORPUS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "an image claimed, none stored": (
        lambda p: _odim(p, lambda f: _image(f, shape=(9_000, 9_000), dtype="f8", chunks=(9, 9))),
        "claims an",
    ),
    "pixels that are tables": (lambda p: _odim(p, lambda f: _image(f, shape=(100, 100), dtype=_WIDE, chunks=(1, 1))), "claims an image"),
    "pixels that are texts": (lambda p: _odim(p, lambda f: _image(f, data=np.full((3, 4), b"1"))), "expected an image of numbers"),
    "three dimensions": (lambda p: _odim(p, lambda f: _image(f, data=np.ones((3, 4, 2)))), "the image has"),
    "pixels in another file": (
        lambda p: _odim(p, lambda f: _image(f, shape=(3, 4), dtype="u1", external=[("/dev/zero", 0, h5py.h5f.UNLIMITED)])),
        "lie in another file",
    ),
    "a group in another file": (lambda p: _odim(p, _link("where", h5py.ExternalLink("/dev/zero", "/"))), "lies in another file"),
    "names in a circle": (_in_a_circle, "leads round in a circle"),
    "names in a circle, packed": (lambda p: _in_a_circle(p, packed=True), "leads round in a circle"),
    "texts that end nowhere": (lambda p: _no_way_on(p, 0, 0), "leads round in a circle"),
    "a text as long as all memory": (lambda p: _no_way_on(p, 7, 2**64 - 16), "leads round in a circle"),
    "an axis without end": (_bom_axis, "claims an image"),
    "an axis without end, NetCDF": (lambda p: _netcdf(p, _long_axis), "claims an image"),
    "axes named by numbers": (lambda p: _netcdf(p, _axes_by_number), "not by references"),
    "a mark that is text": (lambda p: _odim(p, _attribute("dataset1/data1/what", "nodata", np.bytes_(b"none"))), "broken or cut off"),
    "a formula of a row of digits": (lambda p: make.knmi(p, formula="GEO=" + "1" * 60_000), "calibration .GEO=1+ "),
    "a message that commands a terminal": (lambda p: make.knmi(p, parameter="\x1b[31m\x07"), r"holds \?\[31m\?; expected"),
    "a message of 60,000 letters": (lambda p: make.knmi(p, parameter="A" * 60_000), r"holds A+ \.\.\."),
    "a pipe for a chunk": (lambda p: _zarr(p, _pipe), "link that leads out, or no file"),
    "a device for a chunk": (lambda p: _zarr(p, _device), "link that leads out, or no file"),
    "a chunk that is a bomb": (lambda p: _zarr(p, _bomb), "larger than a chunk of its array"),
    "an array of petabytes": (lambda p: _zarr(p, _described(**_HUGE)), "more than radar data have"),
    "a codec that runs code": (lambda p: _zarr(p, _described(filters=_PICKLE), 1), "names the codec 'pickle'"),
    "a document that nests without end": (
        lambda p: _zarr(p, lambda folder: (folder / "field" / "zarr.json").write_text("[" * 100_000) and None),
        "does not describe arrays",
    ),
}
