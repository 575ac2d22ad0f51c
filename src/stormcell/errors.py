"""Every error that stormcell raises on purpose.

    StormcellError                      anything below; the command line prints it in one line and exits with 2
    ├── FramesError      (ValueError)   a field breaks the contract of `stormcell.frames`
    ├── UnitsError       (ValueError)   a unit, a duration or a Z-R rule that is not known
    ├── ReadError        (OSError)      a file could not be read as radar data
    │   └── UnknownFormatError          no reader recognises the file's content
    ├── WriteError       (OSError)      a result could not be written; what stood there before is untouched
    ├── MethodError      (ValueError)   a method cannot forecast from what it was given
    ├── ConfigError      (ValueError)   an experiment file says what it may not
    ├── TrainingError    (RuntimeError) a training run cannot go on
    └── MissingExtraError (ImportError) an optional package is not installed

Each class is also a builtin, so callers who do not know stormcell can still catch what they expect.
A message says what was expected, what came, and what to do.
"""

from functools import partial

__all__ = [
    "ConfigError",
    "FramesError",
    "MethodError",
    "MissingExtraError",
    "ReadError",
    "StormcellError",
    "TrainingError",
    "UnitsError",
    "UnknownFormatError",
    "WriteError",
]


class StormcellError(Exception):
    """The root of the tree above."""


class FramesError(StormcellError, ValueError):
    """A field breaks the contract of `stormcell.frames`: dims, units, time axis or grid."""


class UnitsError(StormcellError, ValueError):
    """A unit, a duration or a Z-R rule that stormcell does not know."""


class ReadError(StormcellError, OSError):
    """A file could not be read as radar data. The message begins with the file's name."""


class UnknownFormatError(ReadError):
    """No reader recognises the content of a file."""


class WriteError(StormcellError, OSError):
    """A result could not be written. What stood at the path before is untouched."""


class MethodError(StormcellError, ValueError):
    """A forecasting method cannot work with what it was given (too few frames, members it cannot make, ...)."""


class ConfigError(StormcellError, ValueError):
    """An experiment file, or a change to it, holds a key or a value that it may not."""


class TrainingError(StormcellError, RuntimeError):
    """A training run cannot go on; what it has saved so far is untouched."""


class MissingExtraError(StormcellError, ImportError):
    """An optional package is not installed.

    Args:
        package: the import name that was tried.
        extra: the extra of stormcell that brings it.
        purpose: what it is needed for, as the start of a sentence.
    """

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}, which is not installed; run: pip install 'stormcell[{extra}]'")
        self.package, self.extra, self.purpose = package, extra, purpose

    def __reduce__(self) -> "tuple[object, ...]":
        """So that it can be handed from a worker process to the one that waits for it."""
        return partial(type(self), extra=self.extra, purpose=self.purpose), (self.package,)
