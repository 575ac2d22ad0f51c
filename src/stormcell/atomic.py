"""Write beside and rename: a reader of the path sees the old file or the whole new one, never half of one."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stormcell.errors import WriteError

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well it takes the place of `path`, otherwise it is removed.

    Missing folders are made. The temporary name keeps the suffix, by which many libraries choose a format.

    Raises:
        WriteError: the folder cannot be made or written, the disk is full, or the path is a folder.
    """
    target = Path(path)
    beside = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        if target.is_dir():
            raise IsADirectoryError(f"{target} is a folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        os.replace(beside, target)
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"{target}: cannot be written ({error.strerror or error}); choose another path or free some space") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
