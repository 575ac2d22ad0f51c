"""Is a downloaded file what was offered, and whole?"""

import hashlib
from pathlib import Path

from stormcell.data.content import MAX_UNPACKED_BYTES, Content
from stormcell.data.sources.failure import BusyError, SourceError
from stormcell.data.sources.source import Remote
from stormcell.data.tarred import is_tar
from stormcell.errors import ReadError

__all__ = ["check_whole", "digest", "matches"]

_PIECE = 1024 * 1024
_TAR_ENDS = 1024  # bytes of zero at least, says POSIX


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The hexadecimal digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def matches(path: Path, remote: Remote) -> bool:
    """Does the listing prove that this file is the one it offers? A size alone proves nothing."""
    return (
        remote.checksum is not None
        and (remote.size in (None, path.stat().st_size))
        and digest(path, remote.checksum[0]) == remote.checksum[1]
    )


def check_whole(path: Path, remote: Remote, *, most: int) -> None:
    """Refuse a file that is empty, too large, of another size or checksum than listed, or cut off inside its packing or its tar archive.

    Raises:
        SourceError: it is larger than `most` bytes, or unpacks to more than any radar file does.
        BusyError: the rest of these, as the feed may be in the middle of writing it.
    """
    size = path.stat().st_size
    if size > most:
        raise SourceError(f"{remote.address}: has {size:,} bytes; expected at most {most:,}. Raise the limit if that is right")
    if size == 0:
        raise BusyError(f"{remote.address}: the file is empty; it may still be on its way to the server")
    if remote.size not in (None, size):
        raise BusyError(f"{remote.address}: the listing says {remote.size:,} bytes, {size:,} came; the file or the listing is not whole")
    if remote.checksum is not None and digest(path, remote.checksum[0]) != remote.checksum[1]:
        raise BusyError(f"{remote.address}: its {remote.checksum[0]} checksum is not the listed one; the file was damaged on the way")
    content, unpacked, tail = Content(path), 0, b""
    if content.packing is None and not is_tar(content):
        return
    try:
        with content.stream() as stream:
            while piece := stream.read(_PIECE):
                unpacked, tail = unpacked + len(piece), (tail + piece)[-_TAR_ENDS:]
                if unpacked > MAX_UNPACKED_BYTES:
                    raise SourceError(f"{remote.address}: unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB, which no radar file does")
    except ReadError:
        raise
    except Exception as error:  # whatever a decompressor makes of broken data
        raise BusyError(f"{remote.address}: the {content.packing} data are broken or cut off ({error})") from error
    if is_tar(content) and tail != bytes(_TAR_ENDS):
        raise BusyError(f"{remote.address}: the tar archive has no end; the file is cut off, or still on its way to the server")
