"""One writer at a time: a lock that the system takes back when its holder dies."""

from pathlib import Path

from filelock import FileLock, Timeout

from stormcell.errors import WriteError

__all__ = ["WriterLock"]


class WriterLock:
    """The right to write to an archive, held until `release` or until the process ends in whatever way.

    The lock is on a hidden file beside the archive, so that nothing foreign lies within it.

    Args:
        archive: folder of the archive, which need not exist yet.

    Raises:
        WriteError: someone else holds it, or the folder cannot be written.
    """

    def __init__(self, archive: Path) -> None:
        where = archive.resolve()
        try:
            where.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(where.with_name(f".{where.name}.lock"), timeout=0)
            self._lock.acquire()
        except Timeout:
            raise WriteError(
                f"{archive}: is being written by another process; wait until it is done (an archive has one writer at a time)"
            ) from None
        except OSError as error:
            raise WriteError(f"{archive}: cannot be written ({error.strerror or error}); check the folder and its permissions") from error

    def release(self) -> None:
        """Let others write."""
        self._lock.release()
