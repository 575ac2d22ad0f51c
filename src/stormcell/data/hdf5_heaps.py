"""Lists in HDF5 files that have no end.

The names of a group lie in a local heap, and the gaps between them in a list: each gap tells where the next one is. HDF5 follows that list
at the first look at the group, and notes every gap. A list that comes back to itself makes it note gaps until all memory is full.

Texts and lists of attributes lie one behind the other in collections, each with its length. HDF5 goes from one to the next by the length,
and one of no length, or of so great a length that the sum begins anew at zero, keeps it where it is for ever.

So both are followed here before HDF5 sees the file.
"""

import io
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stormcell.errors import ReadError

__all__ = ["check_heaps"]

_HEAP = b"HEAP\0\0\0\0"  # of a local heap: signature, version, and what is reserved
_COLLECTION = b"GCOL\x01\0\0\0"  # of a collection in the global heap, likewise
_LAST = 1  # where "next gap" says that there is none


def check_heaps(source: Path | io.BytesIO, path: Path) -> None:
    """Follow the lists of everything that looks like a local heap or a collection; `path` is for the message.

    Raises:
        ReadError: gaps are more than the file has room for, or a collection does not lead to its end.

    Source:
        HDF5 File Format Specification, version 3.0, II.A (superblock), III.D (local heaps) and III.E (global heap).
    """
    with _content(source) as content:
        if len(content) < 15:
            return
        offset, length = content[13:15] if content[8] < 2 else content[9:11]  # bytes of an address, and of a size
        if _gaps_in_a_circle(content, offset, length) or any(_stands_still(content, at, length) for at in _places(content, _COLLECTION)):
            raise ReadError(f"{path}: a list of its HDF5 leads round in a circle; the file is broken, fetch it again")


def _gaps_in_a_circle(content: bytes | mmap.mmap, offset: int, length: int) -> bool:
    """Are there more gaps in local heaps than the file has room for?"""
    gaps = len(content) // (2 * max(length, 1))  # each takes two sizes
    for fields in _places(content, _HEAP):
        gap, segment = _number(content, fields + length, length), _number(content, fields + 2 * length, offset)
        while gap != _LAST and segment + gap < len(content):
            if not gaps:
                return True
            gaps -= 1
            gap = _number(content, segment + gap, length)
    return False


def _stands_still(content: bytes | mmap.mmap, fields: int, length: int) -> bool:
    """Is there an object in a collection from which the next step leads nowhere, or out of it?"""
    begin = fields - len(_COLLECTION)
    end = min(begin + _number(content, fields, length), len(content))
    header = _padded(8 + length)  # index, count of references, reserved, and the size
    place = begin + header
    while place + header <= end:
        size = _number(content, place + 8, length)
        step = header + _padded(size) if _number(content, place, 2) else size  # what is left over, number 0, counts its own header
        if not 0 < step <= end - place:
            return True
        place += step
    return False


def _padded(size: int) -> int:
    return -(-size // 8) * 8


def _places(content: bytes | mmap.mmap, signature: bytes) -> Iterator[int]:
    """Where each heap goes on behind its signature."""
    place = content.find(signature)
    while place >= 0:
        yield place + len(signature)
        place = content.find(signature, place + len(signature))


def _number(content: bytes | mmap.mmap, place: int, size: int) -> int:
    return int.from_bytes(content[place : place + size], "little")


@contextmanager
def _content(source: Path | io.BytesIO) -> Iterator[bytes | mmap.mmap]:
    if isinstance(source, io.BytesIO):
        yield source.getvalue()
        return
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content
