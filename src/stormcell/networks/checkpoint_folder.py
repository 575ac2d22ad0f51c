"""A folder that is replaced as a whole: whoever reads it finds all of the old one or all of the new one, whenever the writer dies."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stormcell.errors import WriteError

__all__ = ["replacing_folder", "standing_folder"]


@contextmanager
def replacing_folder(folder: str | Path, *, names: Sequence[str]) -> Iterator[Path]:
    """Give a new folder beside `folder` to write into; when the block ends well, it takes the other's place.

    A system cannot put one folder in the place of another in one go. The old one is moved to `.NAME.previous` first, and deleted when
    the new one stands; in between `standing_folder` finds the old one there. So something whole is to be found at every moment.

    Args:
        folder: where it is to stand; one writer at a time.
        names: the files that belong there. A folder with anything else in it is somebody's, and is not replaced.

    Raises:
        WriteError: the folder holds other files, is no folder, or cannot be written.
    """
    target = Path(os.path.realpath(folder))
    partial, previous = (target.with_name(f".{target.name}.{state}") for state in ("partial", "previous"))
    try:
        _refuse_foreign(folder, target, names)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)  # of a writer that was killed
        partial.mkdir()
        yield partial
        for path in (*partial.iterdir(), partial):
            _to_disk(path)
        if target.exists():
            shutil.rmtree(previous, ignore_errors=True)
            os.rename(target, previous)
        os.rename(partial, target)
        _to_disk(target.parent)
        shutil.rmtree(previous, ignore_errors=True)
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(
            f"{folder}: cannot be written ({error.strerror or error}); check the folder, its permissions and the free space"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def standing_folder(folder: str | Path) -> Path:
    """Where the content of `folder` is: there, or, if a writer died between its two moves, beside it."""
    target = Path(os.path.realpath(folder))
    previous = target.with_name(f".{target.name}.previous")
    return previous if not target.exists() and previous.is_dir() else Path(folder)


def _refuse_foreign(folder: str | Path, target: Path, names: Sequence[str]) -> None:
    if target.exists() and not target.is_dir():
        raise WriteError(f"{folder}: is a file; expected the name of a folder, new or of an earlier checkpoint")
    others = sorted(path.name for path in target.iterdir() if path.name not in names) if target.exists() else []
    if others:
        raise WriteError(f"{folder}: holds {others[0]}, which belongs to no checkpoint; choose a folder that does not exist yet")


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
