"""Mutations of Zarr folders: shapes, chunks and codecs in their documents, chunks that are bombs, links that lead out, pipes."""

import gzip
import json
import os
import random
from pathlib import Path
from typing import Any

from tests.fuzz.blind import HOSTILE_NUMBERS, HOSTILE_TEXTS, blind

__all__ = ["edited_folder", "write_folder"]

_LINKS = ("/etc/passwd", "/dev/zero", "..", "/", "zarr.json", ".")
_CODECS: tuple[Any, ...] = (
    {"name": "gzip", "configuration": {"level": 1}},
    {"name": "numcodecs.pickle", "configuration": {}},
    {"id": "pickle"},
    {"id": "vlen-utf8"},
    {"id": "gzip", "level": 1},
    {"id": "astype", "encode_dtype": "O", "decode_dtype": "O"},
    {"name": "transpose", "configuration": {"order": [9, 9]}},
    {"name": "sharding_indexed", "configuration": {"chunk_shape": [0]}},
    {"name": "os.system", "configuration": {"command": "touch outside"}},
    None,
    [],
    "bytes",
)


def edited_folder(rng: random.Random, tree: dict[str, bytes]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files of a mutant, and its links: a name and where it leads; a pipe where that is "|"."""
    files, links = dict(tree), {}
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        documents = [name for name in files if name.endswith((".json", ".zarray", ".zattrs", ".zgroup"))]
        name = rng.choice(documents if documents and rng.random() < 0.6 else sorted(files))
        kind = rng.randrange(8)
        if kind < 4 and name in documents:
            files[name] = _document(rng, files[name])
        elif kind == 4:
            files[name] = blind(rng, files[name], list(files.values()))
        elif kind == 5:
            links[name] = rng.choice((*_LINKS, "|"))
            del files[name]
        elif kind == 6:
            files[rng.choice((name, f"{name}/x", "c/0/0", "extra"))] = gzip.compress(bytes(rng.choice((10, 10**6, 3 * 10**7))), 9, mtime=0)
        else:
            del files[name]
        if not files:
            break
    return files, links


def write_folder(folder: Path, files: dict[str, bytes], links: dict[str, str]) -> None:
    """Put a mutant on disk."""
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (NotADirectoryError, IsADirectoryError, FileExistsError):
            continue  # a file in the place of a folder
    for name, target in links.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.mkfifo(path) if target == "|" else path.symlink_to(target)


def _document(rng: random.Random, text: bytes) -> bytes:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # an edit before this one has spoilt it
        return text
    if rng.random() < 0.03:
        return b"[" * 100_000
    places = list(_places(document))
    if places:
        holder, key = rng.choice(places)
        kind = rng.randrange(5)
        if kind == 0:
            holder[key] = rng.choice(HOSTILE_NUMBERS)
        elif kind == 1:
            holder[key] = rng.choice(HOSTILE_TEXTS)
        elif kind == 2:
            holder[key] = rng.choice((None, [], {}, [rng.choice(HOSTILE_NUMBERS)] * 3, True, float("nan"), 1e308))
        elif kind == 3 and isinstance(holder, dict):
            del holder[key]
        else:
            holder[key] = rng.choice((rng.choice(_CODECS), [rng.choice(_CODECS), rng.choice(_CODECS)]))
    sizes = [
        (holder, key) for holder, key in _places(document) if key in ("shape", "chunks", "chunk_shape") and isinstance(holder[key], list)
    ]
    if sizes and rng.random() < 0.4:
        holder, key = rng.choice(sizes)
        holder[key] = [rng.choice((size, size, *HOSTILE_NUMBERS)) for size in holder[key]]
    return json.dumps(document).encode()


def _places(document: Any) -> Any:
    items = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in list(items):
        yield document, key
        yield from _places(value)
