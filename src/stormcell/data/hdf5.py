"""HDF5 files of strangers: opened only if all that they hold lies in them, and attributes as plain text and numbers.

HDF5 lets a file point into other files, and claim images that it does not hold. A radar file does neither, so what does is refused before
any of it is read.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from stormcell.data.content import Content, check_size
from stormcell.data.hdf5_heaps import check_heaps
from stormcell.errors import ReadError

__all__ = ["at_root", "attribute", "is_hdf5", "opened", "pixels", "plain"]

MAX_LINKS = 10_000
_SMALL_BYTES = 64 * 2**20  # what may be claimed without being stored: names of dimensions are
_MOST_PACKED = 2000  # deflate makes at most 1032 bytes of one


def is_hdf5(content: Content) -> bool:
    """Does the content begin as HDF5 does?"""
    return content.head.startswith(b"\x89HDF\r\n\x1a\n")


@contextmanager
def at_root(source: Path | io.BytesIO, path: Path) -> Iterator[h5py.File]:
    """The file, of which only names and attributes at its root may be looked at: what is below is checked by `opened`.

    Raises:
        ReadError: a list in it has no end.
    """
    check_heaps(source, path)
    with h5py.File(source) as file:
        yield file


@contextmanager
def opened(source: Path | io.BytesIO, path: Path) -> Iterator[h5py.File]:
    """The file, after a look at all that it claims to hold; `path` is for messages.

    Raises:
        ReadError: something in it lies in another file, or it claims far more than it stores.
    """
    with at_root(source, path) as file:
        names: list[bytes] = []
        odd = file.id.links.visit(lambda name, link: _odd(names, name, link), info=True)
        if odd:
            raise ReadError(f"{path}: {odd}")
        for name in names:
            node = file.get(name)
            if isinstance(node, h5py.Dataset):
                _check_stored(node, path)
                _check_scales(node, path)
        yield file


def _odd(names: list[bytes], name: bytes, link: Any) -> str | None:
    """What is wrong with a link, and None if nothing is: HDF5 stops at the first answer, and passes no exception on."""
    if link.type not in (h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT):
        return f"{name.decode('latin-1')} lies in another file; expected a file that holds all of its data itself"
    if link.type == h5py.h5l.TYPE_HARD:
        names.append(name)
    return f"holds more than {MAX_LINKS:,} groups and data sets; look into it by hand" if len(names) > MAX_LINKS else None


def _check_stored(dataset: h5py.Dataset, path: Path) -> None:
    if dataset.is_virtual or dataset.external:
        raise ReadError(f"{path}: the data of {dataset.name} lie in another file; expected a file that holds all of its data itself")
    claimed, stored = (dataset.size or 0) * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if claimed > max(_SMALL_BYTES, _MOST_PACKED * stored):
        raise ReadError(
            f"{path}: {dataset.name} claims an image of {dataset.shape} values in {claimed:,} bytes, and {stored:,} bytes are stored; "
            "the header is likely broken, or the file was never filled"
        )


def _check_scales(dataset: h5py.Dataset, path: Path) -> None:
    """How an image names its axes. HDF5 takes the type of these attributes on trust, and writes where it may not if it is another."""
    if "DIMENSION_LIST" in dataset.attrs:
        names = dataset.attrs.get_id("DIMENSION_LIST")
        if names.shape != (dataset.ndim,) or h5py.check_ref_dtype(h5py.check_vlen_dtype(names.dtype) or names.dtype) is not h5py.Reference:
            raise ReadError(f"{path}: the axes of {dataset.name} are named by {names.dtype}, and not by references; the file is broken")
    if "REFERENCE_LIST" in dataset.attrs and dataset.attrs.get_id("REFERENCE_LIST").dtype.names != ("dataset", "dimension"):
        raise ReadError(f"{path}: {dataset.name} does not tell which images it is an axis of; the file is broken")


def pixels(dataset: Any, path: Path) -> NDArray[Any]:
    """The numbers of an image.

    Raises:
        ReadError: it is none: not two-dimensional, not of numbers, too large.
    """
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None or dataset.ndim != 2 or dataset.dtype.kind not in "iuf":
        what = f"{dataset.dtype} of shape {dataset.shape}" if isinstance(dataset, h5py.Dataset) else "a group"
        raise ReadError(f"{path}: expected an image of numbers in rows and columns, got {what}")
    check_size(path, *dataset.shape)
    values: NDArray[Any] = dataset[()]
    return values


def plain(value: Any) -> Any:
    """Text for bytes, a plain number for an array of one; other arrays as they are."""
    if isinstance(value, np.ndarray):
        if value.size != 1:
            return value
        value = value.ravel()[0]
    if isinstance(value, bytes):
        return value.decode("latin-1").rstrip("\x00")
    return value.item() if isinstance(value, np.generic) else value


def attribute(node: h5py.Group | h5py.Dataset, name: str) -> Any:
    """An attribute by `plain`.

    Raises:
        KeyError: it is not there; the message says where it was expected.
    """
    if name not in node.attrs:
        raise KeyError(f"expected the attribute {name} in {node.name}")
    return plain(node.attrs[name])
