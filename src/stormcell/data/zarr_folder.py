"""A look at a Zarr folder before it is opened: what is in it, what its documents claim, and with what it wants to be unpacked.

Zarr finds its unpackers by names that stand in the folder, reserves what the documents claim, and opens whatever lies in a chunk's place.
A stranger's folder may name an unpacker that runs code, claim petabytes, or hold a pipe that never ends.
"""

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stormcell.data.content import MAX_UNPACKED_BYTES
from stormcell.errors import ReadError

__all__ = ["check_folder"]

MAX_DOCUMENT_BYTES = 32 * 2**20
MAX_AXIS = 2**24
_DOCUMENTS = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
_CODECS = {
    *("bytes", "crc32c", "sharding_indexed", "transpose", "vlen-utf8", "vlen-bytes", "blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd"),
    *("adler32", "bitround", "crc32", "delta", "fixedscaleoffset", "fletcher32", "packbits", "quantize", "shuffle"),
}
_SLACK = 2**16  # what a small chunk may take beyond its numbers


def check_folder(root: Path) -> None:
    """Refuse a folder that holds more than arrays of numbers.

    Raises:
        ReadError: a device, a pipe or a link that leads out; a document that is none or too large; an array, a chunk or a codec that no
            radar data have.
    """
    inside = root.resolve()
    largest: dict[Path, int] = {}
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        for name in (*folders, *files):
            path = here / name
            if path.is_symlink() and not path.resolve().is_relative_to(inside) or not (path.is_file() or path.is_dir()):
                raise ReadError(f"{root}: {path.relative_to(root)} is a link that leads out, or no file; expected a folder of plain files")
        for name in sorted(set(files) & set(_DOCUMENTS)):
            if name != ".zattrs":
                largest |= {here / place: size for place, size in _arrays(root, here / name)}
    _check_chunks(root, largest)


def _arrays(root: Path, path: Path) -> Iterator[tuple[str, int]]:
    """Where arrays lie that a document tells of, and the most bytes that a chunk of each may have."""
    if path.stat().st_size > MAX_DOCUMENT_BYTES:
        raise ReadError(f"{root}: {path.relative_to(root)} is larger than {MAX_DOCUMENT_BYTES // 2**20} MiB; look into it by hand")
    try:
        document = json.loads(path.read_bytes())
        for place, about in _described(document):
            yield place, _chunk_bytes(about)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise ReadError(f"{root}: {path.relative_to(root)} does not describe arrays of numbers ({error})") from error


def _described(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The descriptions in a document: its own, and those that it keeps of arrays below."""
    if "shape" in document:
        yield "", document
    held = document.get("metadata") or (document.get("consolidated_metadata") or {}).get("metadata") or {}
    for name, about in held.items():
        if isinstance(about, dict) and "shape" in about:
            yield name.removesuffix(".zarray"), about


def _chunk_bytes(about: dict[str, Any]) -> int:
    """The bytes of a chunk, after a look at sizes and codecs.

    Raises:
        ValueError: a size is negative or too large, or a codec is not known.
    """
    shape = about["shape"]
    chunks = about["chunks"] if "chunks" in about else about["chunk_grid"]["configuration"]["chunk_shape"]
    if not all(type(size) is int and size >= 0 for size in (*shape, *chunks)) or 0 in chunks:
        raise ValueError(f"expected sizes of 0 or more, and of 1 or more for chunks, got {shape} in chunks of {chunks}")
    size = _item_bytes(about.get("dtype", about.get("data_type")))
    if len(shape) == 1 and shape[0] > MAX_AXIS or math.prod(chunks) * size > MAX_UNPACKED_BYTES:
        raise ValueError(f"claims {shape} in chunks of {chunks}, more than radar data have")
    for key in ("codecs", "filters", "compressor"):
        for codec in _named(about.get(key)):
            if codec not in _CODECS:
                raise ValueError(f"names the codec {codec!r}; expected one that only unpacks numbers")
    return int(math.prod(chunks) * size)


def _item_bytes(kind: Any) -> int:
    """Of a value; texts, which have no size of their own, are taken for 64."""
    if isinstance(kind, str) and kind not in ("|O", "string", "bytes"):
        return int(np.dtype(kind).itemsize)
    return 64


def _named(codecs: Any) -> Iterator[str]:
    """The names of codecs, those within others too."""
    for codec in codecs if isinstance(codecs, list) else [codecs] if codecs is not None else []:
        if isinstance(codec, str):
            yield codec
            continue
        yield str(codec.get("name", codec.get("id"))).removeprefix("numcodecs.")
        for key in ("codecs", "index_codecs"):
            yield from _named((codec.get("configuration") or {}).get(key))


def _check_chunks(root: Path, largest: dict[Path, int]) -> None:
    """No chunk may take much more on disk than its numbers do: then it is a bomb, or belongs to another array."""
    for place, size in largest.items():
        for path in place.rglob("*") if place.is_dir() else ():
            if path.is_file() and path.name not in _DOCUMENTS and path.stat().st_size > 2 * size + _SLACK:
                raise ReadError(f"{root}: {path.relative_to(root)} is larger than a chunk of its array; look into it by hand")
