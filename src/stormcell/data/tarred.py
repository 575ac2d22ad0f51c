"""Tar archives as services send them: a few files of one time, looked at one by one in memory and never written to disk."""

import io
import tarfile
from collections.abc import Iterator
from typing import IO

from stormcell.data.content import Content
from stormcell.errors import ReadError

__all__ = ["MAX_MEMBERS", "MAX_MEMBER_BYTES", "is_tar", "members", "start_of_first"]

MAX_MEMBERS = 500
MAX_MEMBER_BYTES = 64 * 2**20


def is_tar(content: Content) -> bool:
    """A POSIX or GNU tar archive."""
    return content.head[257:262] == b"ustar"


def start_of_first(content: Content) -> bytes:
    """The first bytes of the first file in the archive, as far as the content's head reaches; none if it does not reach so far."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content.head), mode="r:") as archive:
            first = next((member for member in archive if member.isfile()), None)
    except tarfile.TarError:
        return b""
    return b"" if first is None else content.head[first.offset_data :]


def members(content: Content) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and open content of each file in the archive, in its order; a file is read only as far as the caller reads it.

    Raises:
        ReadError: there are more than `MAX_MEMBERS` files, or one is larger than `MAX_MEMBER_BYTES`.
        tarfile.ReadError: the archive is cut off.
    """
    with tarfile.open(fileobj=io.BytesIO(content.bytes()), mode="r:") as archive:
        for number, member in enumerate(archive):
            if number >= MAX_MEMBERS or not 0 <= member.size <= MAX_MEMBER_BYTES:
                raise ReadError(
                    f"{content.path}: expected a tar archive of at most {MAX_MEMBERS} files of {MAX_MEMBER_BYTES // 2**20} MiB; "
                    f"number {number + 1} is said to have {member.size:,} bytes. Look into it by hand"
                )
            if member.isfile() and (file := archive.extractfile(member)) is not None:
                yield member.name, file
