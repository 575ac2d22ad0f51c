"""Lists in HDF5 files that lead round in a circle.

The names of a group lie in a local heap, and the gaps between them in a list: each gap tells where the next one is. HDF5 follows that list
at the first look at the group, and notes every gap. A list that comes back to itself makes it note gaps until all memory is full, so lists
are followed here before HDF5 sees the file.
"""

import io
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stormcell.errors import ReadError

__all__ = ["check_heaps"]

_HEAP = b"HEAP\0\0\0\0"  # signature, version, and what is reserved
_LAST = 1  # where "next gap" says that there is none


def check_heaps(source: Path | io.BytesIO, path: Path) -> None:
    """Follow the list of gaps of everything that looks like a local heap; `path` is for the message.

    Raises:
        ReadError: the lists are longer than the file has room for.

    Source:
        HDF5 File Format Specification, version 3.0, II.A (superblock) and III.D (local heaps).
    """
    with _content(source) as content:
        place = content.find(_HEAP)
        if place < 0:
            return
        offset, length = content[13:15] if content[8] < 2 else content[9:11]  # bytes of an address, and of a size
        gaps = len(content) // (2 * max(length, 1))  # each takes two sizes
        while place >= 0:
            fields = place + len(_HEAP)
            gap, segment = _number(content, fields + length, length), _number(content, fields + 2 * length, offset)
            while gap != _LAST and segment + gap < len(content):
                if not gaps:
                    raise ReadError(f"{path}: a list of its HDF5 leads round in a circle; the file is broken, fetch it again")
                gaps -= 1
                gap = _number(content, segment + gap, length)
            place = content.find(_HEAP, fields)


def _number(content: bytes | mmap.mmap, place: int, size: int) -> int:
    return int.from_bytes(content[place : place + size], "little")


@contextmanager
def _content(source: Path | io.BytesIO) -> Iterator[bytes | mmap.mmap]:
    if isinstance(source, io.BytesIO):
        yield source.getvalue()
        return
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content
