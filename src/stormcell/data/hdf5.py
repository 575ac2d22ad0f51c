"""Attributes of HDF5 files, which writers store as text, bytes, numbers or arrays of one of these."""

from typing import Any

import h5py
import numpy as np

from stormcell.data.content import Content

__all__ = ["attribute", "is_hdf5", "plain"]


def is_hdf5(content: Content) -> bool:
    """Does the content begin as HDF5 does?"""
    return content.head.startswith(b"\x89HDF\r\n\x1a\n")


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
