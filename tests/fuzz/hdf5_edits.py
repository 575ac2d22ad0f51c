"""Mutations of HDF5 files by their structure: attributes that are hostile, images that claim too much, links that lead out."""

import io
import random
from typing import Any

import h5py
import numpy as np

from tests.fuzz.blind import HOSTILE_NUMBERS, HOSTILE_TEXTS

__all__ = ["edited"]


def edited(rng: random.Random, data: bytes) -> bytes:
    """One to three edits of a good file."""
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            nodes: list[Any] = [file]
            file.visititems(lambda _, node, nodes=nodes: nodes.append(node))
            try:
                rng.choice((_attribute, _attribute, _attribute, _dataset, _dataset, _link, _storage))(rng, file, nodes)
            except (OSError, ValueError, TypeError, LookupError, RuntimeError, OverflowError, AttributeError):
                continue  # HDF5 itself would not write it
    return buffer.getvalue()


def _value(rng: random.Random) -> Any:
    kind = rng.randrange(8)
    if kind == 0:
        return np.bytes_(rng.choice(HOSTILE_TEXTS).encode("latin-1", "replace")[:60_000])
    if kind == 1:
        return rng.choice(HOSTILE_TEXTS).replace("\x00", "")[:60_000]
    if kind == 2:
        return rng.choice((np.nan, np.inf, -np.inf, 1e308, -1e308, 0.0, -0.0, 5e-324, -1.0, 1e-30, 1e30))
    if kind == 3:
        return np.array(rng.choice(((), (0,), (2,), (1, 1), (3, 3))) and [[1.0]] or 3, rng.choice(("f2", "f4", "i1", "u8", "c16", "?")))
    if kind == 4:
        return np.full(rng.choice(((0,), (2,), (1, 1), (3, 3), (1000,))), rng.choice((0, 1, 255)), rng.choice(("f4", "i8", "u1")))
    if kind == 5:
        return h5py.Empty(rng.choice(("f4", "S10", "i8")))
    if kind == 6:
        return np.array((1, 2.0), dtype=[("a", "i4"), ("b", "f8")])
    return np.int64(max(min(rng.choice(HOSTILE_NUMBERS), 2**63 - 1), -(2**63)))


def _attribute(rng: random.Random, file: h5py.File, nodes: list[Any]) -> None:
    node = rng.choice([node for node in nodes if len(node.attrs)] or nodes)
    names = list(node.attrs)
    name = rng.choice(names) if names else "gain"
    if rng.random() < 0.15:
        del node.attrs[name]
        return
    value = _value(rng)
    if rng.random() < 0.3 and isinstance(node.attrs[name], bytes | str | np.bytes_):  # a little off
        text = node.attrs[name]
        text = text.decode("latin-1") if isinstance(text, bytes) else str(text)
        words = text.split(" ")
        words[rng.randrange(len(words))] = rng.choice(HOSTILE_TEXTS)[:5000]
        value = np.bytes_(" ".join(words).encode("latin-1", "replace"))
    node.attrs[name] = value


def _dataset(rng: random.Random, file: h5py.File, nodes: list[Any]) -> None:
    datasets = [node for node in nodes if isinstance(node, h5py.Dataset)]
    node = rng.choice(datasets)
    name, attrs = node.name, dict(node.attrs)
    del file[name]
    kind = rng.randrange(7)
    if kind == 0:  # huge, with nothing behind it
        shape = rng.choice(((10**6, 10**6), (30_000, 30_000), (14_000, 14_000), (10**9,), (2**40,), (1, 2**31), (10**5, 10**5, 10**5)))
        file.create_dataset(name, shape=shape, dtype=rng.choice(("u1", "f8", "i4")), chunks=tuple(min(size, 100) for size in shape))
    elif kind == 1:  # another number of dimensions, or none
        file.create_dataset(name, data=np.ones(rng.choice(((), (0,), (0, 4), (5,), (3, 4, 2), (1, 1, 1, 1), (3, 4))), "f4"))
    elif kind == 2:  # of another type
        types = ("S5", "S1000000", "?", "c16", h5py.string_dtype(), h5py.ref_dtype, np.dtype([("a", "i4")]), np.dtype(("f4", (1000, 100))))
        file.create_dataset(name, shape=rng.choice(((3, 4), (6, 8), (1000, 1000))), dtype=rng.choice(types), chunks=True)
    elif kind == 3:  # values that no radar measures
        value = rng.choice((np.nan, np.inf, -np.inf, 1e308, -1.0))
        file.create_dataset(name, data=np.full((3, 4), value))
    elif kind == 4:  # packed with what may not be there
        more = rng.choice(({"compression": "lzf"}, {"scaleoffset": 3}, {"fletcher32": True}, {"compression": "gzip", "shuffle": True}))
        file.create_dataset(name, data=np.ones((3, 4), "i4"), chunks=(3, 4), **more)
    elif kind == 5:  # more than it seems: a few bytes that unpack to much
        file.create_dataset(name, data=np.zeros((3000, 3000), "u1"), compression="gzip", compression_opts=1, chunks=(3000, 3000))
    else:
        return  # gone
    file[name].attrs.update(attrs)


def _link(rng: random.Random, file: h5py.File, nodes: list[Any]) -> None:
    names = [node.name for node in nodes if node.name not in ("/", None)]
    name = rng.choice(names)
    if rng.random() < 0.7:
        del file[name]
    else:
        name = f"{name}x"
    targets = (
        lambda: h5py.SoftLink("/absent"),
        lambda: h5py.SoftLink(name),
        lambda: h5py.SoftLink("/"),
        lambda: h5py.ExternalLink("/etc/passwd", "/"),
        lambda: h5py.ExternalLink("/dev/zero", "/"),
        lambda: h5py.ExternalLink("../other.h5", "/dataset1"),
        lambda: file["/"],
    )
    file[name] = rng.choice(targets)()


def _storage(rng: random.Random, file: h5py.File, nodes: list[Any]) -> None:
    """An image whose pixels lie in another file, or that is put together from others."""
    datasets = [node for node in nodes if isinstance(node, h5py.Dataset) and node.ndim == 2] or [
        file.create_dataset("more", data=np.ones((3, 4)))
    ]
    node = rng.choice(datasets)
    name, shape, attrs = node.name, node.shape, dict(node.attrs)
    del file[name]
    if rng.random() < 0.7:
        file.create_dataset(
            name, shape=shape, dtype="u1", external=[(rng.choice(("/etc/passwd", "/dev/zero", "absent")), 0, h5py.h5f.UNLIMITED)]
        )
    else:
        layout = h5py.VirtualLayout(shape=shape, dtype="u1")
        layout[:] = h5py.VirtualSource(rng.choice(("/etc/passwd", ".", "absent.h5")), "data", shape=shape)
        file.create_virtual_dataset(name, layout)
    file[name].attrs.update(attrs)
