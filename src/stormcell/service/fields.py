"""The fields that a service publishes: each a Zarr group of its own in a folder or on object storage, written once and never changed."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, final
from urllib.parse import urlsplit

import fsspec
import numpy as np
import xarray as xr
import zarr
from zarr.codecs import BloscCodec
from zarr.storage import FsspecStore

from stormcell.errors import ReadError, StormcellError, WriteError

__all__ = ["FieldStore"]

_CHUNK_SIDE = 512
_WHOLE_PIXELS = 2**20  # of a plane that is one chunk; to read it in pieces takes longer


@final
class FieldStore:
    """Fields under keys that are made here, so that no name from outside ever becomes a path.

    What is half written has a key that nobody knows yet: a key is published, in the database, when its field is whole.

    Args:
        address: a folder, or "s3://bucket/prefix".
        endpoint: of the object storage, where it is not the usual one.

    Raises:
        StormcellError: the kind of storage is not known here, or its package is not installed.
    """

    def __init__(self, address: str, *, endpoint: str | None = None) -> None:
        self.address = address.rstrip("/")
        remote = "://" in self.address
        options: dict[str, Any] = {"endpoint_url": endpoint} if endpoint else {}
        if remote and urlsplit(self.address).scheme not in ("s3", "memory"):
            raise StormcellError(f"fields: expected a folder or an address s3://bucket/prefix, got {address}")
        self._asynchronous = remote
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.address, **options)
        except ImportError as error:
            raise StormcellError(f"fields at {address}: {error}; pip install 'stormcell[cloud]'") from error
        self._options = options

    def write(self, dataset: xr.Dataset, *, kind: str) -> str:
        """Write a dataset under a new key and return the key.

        Args:
            dataset: of arrays over (..., y, x), float32; coordinates and attributes come along.
            kind: begins the key: "observed", "forecast".

        Raises:
            WriteError: the storage refuses.
        """
        key = f"{kind}-{secrets.token_hex(12)}"
        encoding = {str(name): _encoding(variable) for name, variable in dataset.data_vars.items() if variable.ndim >= 2}
        plain = dataset.assign({name: variable.assign_attrs(_plain(variable.attrs)) for name, variable in dataset.data_vars.items()})
        try:
            plain.to_zarr(self._store(key), mode="w-", consolidated=False, zarr_format=3, encoding=encoding)
        except Exception as error:  # whatever the client of a storage raises
            raise WriteError(f"{self.address}: a field cannot be written ({error}); check the free space and the permissions") from error
        return key

    def read(self, key: str) -> xr.Dataset:
        """The dataset of a key; its arrays are read when they are used.

        Raises:
            ReadError: there is none, or it is damaged.
        """
        try:
            dataset: xr.Dataset = xr.open_zarr(self._store(key), consolidated=False, zarr_format=3, chunks=None, decode_timedelta=True)
        except Exception as error:  # as above, and what damaged numbers do to decoders
            raise ReadError(f"{self.address}: the field {key} cannot be read ({error})") from error
        return dataset.set_coords("spatial_ref") if "spatial_ref" in dataset else dataset

    def keys(self) -> Iterator[str]:
        """Every key there is, published or not."""
        self._files.invalidate_cache()
        if self._files.isdir(self._root):
            for path in self._files.ls(self._root, detail=False):
                yield str(path).rstrip("/").rsplit("/", 1)[-1]

    def size(self, key: str) -> int:
        """Bytes that a field takes."""
        return int(self._files.du(f"{self._root}/{key}"))

    def remove(self, key: str) -> None:
        """Remove a field; nothing happens where there is none.

        Raises:
            WriteError: the storage refuses.
        """
        if "/" in key or key.startswith("."):
            raise WriteError(f"fields: {key!r} is no key of a field")
        try:
            self._files.rm(f"{self._root}/{key}", recursive=True)
        except FileNotFoundError:
            return
        except Exception as error:
            raise WriteError(f"{self.address}: the field {key} cannot be removed ({error})") from error

    def _store(self, key: str) -> Any:
        if self._asynchronous:
            return FsspecStore.from_url(f"{self.address}/{key}", storage_options=self._options)
        return zarr.storage.LocalStore(f"{self._root}/{key}")


def _plain(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """What Zarr can keep: no numbers of numpy."""
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in attrs.items()}


def _encoding(variable: xr.DataArray) -> dict[str, Any]:
    """A plane at a time, as maps and points of a small grid are best read; of a large grid smaller pieces, all in one file."""
    planes, shape = [1] * (variable.ndim - 2), variable.shape[-2:]
    compressors = (BloscCodec(cname="zstd", clevel=1, shuffle="shuffle", typesize=np.dtype(variable.dtype).itemsize),)
    if shape[0] * shape[1] <= _WHOLE_PIXELS:
        return {"chunks": (*planes, *shape), "compressors": compressors}
    sides = [min(size, _CHUNK_SIDE) for size in shape]
    whole = [-(-size // side) * side for size, side in zip(shape, sides, strict=True)]
    return {"chunks": (*planes, *sides), "shards": (*planes, *whole), "compressors": compressors}
