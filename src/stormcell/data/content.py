"""A foreign file as the readers see it: unpacked if it was compressed, and never larger than a stated limit."""

import bz2
import gzip
import io
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from stormcell.errors import ReadError

__all__ = ["MAX_PIXELS", "MAX_UNPACKED_BYTES", "Content", "check_size"]

MAX_UNPACKED_BYTES = 512 * 2**20
MAX_PIXELS = 100_000_000
HEAD_BYTES = 8192
_PIECE = 2**20


class Content:
    """What a file holds, seen through gzip or bzip2 where it is packed with them (told by its first bytes, not by its name).

    Args:
        path: a file.

    Raises:
        ReadError: the file is absent, empty, not readable, or broken where it is unpacked.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.path.is_file():
            raise ReadError(f"{self.path}: is neither a file nor a Zarr archive; expected radar data in a regular file")
        try:
            with self.path.open("rb") as file:
                magic = file.read(3)
        except OSError as error:
            raise ReadError(f"{self.path}: cannot be opened ({error.strerror}); check the name and the permissions") from error
        if not magic:
            raise ReadError(f"{self.path}: the file is empty; fetch it again, or leave it out with --skip-bad")
        self.packing = "gzip" if magic[:2] == b"\x1f\x8b" else "bzip2" if magic == b"BZh" else None

    def stream(self) -> IO[bytes]:
        """The unpacked content as a forward stream. Nothing limits it: read from it in bounded pieces."""
        if self.packing == "gzip":
            return cast(IO[bytes], gzip.open(self.path, "rb"))
        if self.packing == "bzip2":
            return bz2.open(self.path, "rb")
        return self.path.open("rb")

    def start(self, size: int) -> bytes:
        """The first `size` unpacked bytes."""
        return b"".join(self._pieces(size))

    def _pieces(self, size: int) -> list[bytes]:
        """The same in pieces, as they are read: one large read would take memory for all that might come."""
        try:
            with self.stream() as stream:
                pieces, left = [], size
                while left and (piece := stream.read(min(_PIECE, left))):
                    pieces.append(piece)
                    left -= len(piece)
                return pieces
        except Exception as error:  # whatever a decompressor makes of broken data
            raise ReadError(
                f"{self.path}: the {self.packing or 'file'} data are broken or cut off ({error}); fetch the file again"
            ) from error

    @cached_property
    def head(self) -> bytes:
        """The first few kilobytes, unpacked: enough to tell any format."""
        return self.start(HEAD_BYTES)

    @cached_property
    def _unpacked(self) -> bytes:
        pieces = self._pieces(MAX_UNPACKED_BYTES + 1)
        if sum(map(len, pieces)) > MAX_UNPACKED_BYTES:
            raise ReadError(
                f"{self.path}: unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB, which no radar file does; look into it by hand"
            )
        return b"".join(pieces)

    def bytes(self) -> bytes:
        """All of it, unpacked.

        Raises:
            ReadError: it is larger than `MAX_UNPACKED_BYTES`, or broken.
        """
        return self._unpacked

    def file(self) -> Path | io.BytesIO:
        """Something that libraries can seek in: the file itself, or its unpacked bytes."""
        return self.path if self.packing is None else io.BytesIO(self._unpacked)


def check_size(path: Path, *shape: int) -> None:
    """Refuse an image larger than any radar's before memory is spent on it.

    Raises:
        ReadError: a side is below 1, or there are more than `MAX_PIXELS` pixels.
    """
    pixels = 1
    for size in shape:
        pixels *= size
    if min(shape) < 1 or pixels > MAX_PIXELS:
        sides = " x ".join(str(size) for size in shape)
        raise ReadError(f"{path}: claims an image of {sides} pixels; expected 1 to {MAX_PIXELS:,} pixels. The header is likely broken")
