"""What goes wrong between an open feed and this machine: for good, or only for now.

    SourceError         (ReadError) a feed cannot be used, or gave something that is refused
    ├── AbsentError     what was asked for is not there
    └── BusyError       the feed or the way to it fails for now

Only after a BusyError it is worth while to ask again at once.
"""

from stormcell.errors import ReadError

__all__ = ["AbsentError", "BusyError", "SourceError"]


class SourceError(ReadError):
    """A feed cannot be used, or gave something that is refused. The message begins with the address."""


class AbsentError(SourceError):
    """The server has no such page or file."""


class BusyError(SourceError):
    """A feed fails for now.

    Args:
        message: what was expected, what came, what to do.
        retry_after: seconds that the server asked to wait, if it did.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
