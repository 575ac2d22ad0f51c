"""Write beside and rename: a reader of the path sees the old file or the whole new one, never half of one."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stormcell.errors import StormcellError, WriteError

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well it takes the place of `path`, otherwise it is removed.

    Missing folders are made. The temporary name keeps the suffix, by which many libraries choose a format.

    Raises:
        WriteError: the folder cannot be made or written, the disk is full, or the path is a folder.
    """
    target = Path(path)
    beside: Path | None = None
    try:
        target = target.resolve()  # a link stays a link, and what it points to is replaced
        if target.exists() and not target.is_file():
            raise WriteError(f"{path} is a folder or a device; expected the name of a file")
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{secrets.token_hex(4)}{target.suffix}")
        yield beside
        os.replace(beside, target)
    except StormcellError:  # a ReadError from the block is an OSError too
        raise
    except OSError as error:
        raise WriteError(
            f"{path}: cannot be written ({error.strerror or error}); check the folder, its permissions and the free space"
        ) from error
    finally:
        if beside is not None:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
