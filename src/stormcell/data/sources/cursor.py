"""What a feed remembers between two runs: a small JSON file, replaced as a whole."""

import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from stormcell.atomic import replacing

__all__ = ["Cursor", "Taken"]

_FORMAT = 1


@dataclass(frozen=True)
class Taken:
    """A file that is here.

    Args:
        version: that the feed gave it.
        at: when it was taken [seconds since 1970].
    """

    version: str
    at: float


@dataclass
class Cursor:
    """The files that were taken, and what listings are remembered by.

    Args:
        path: of the JSON file.
        taken: name -> what is known of it.
        memory: the source's own, from a listing of which every file since `memory_since` is here.
        memory_since: that time, as numpy writes it; empty before the first such listing.
    """

    path: Path
    taken: dict[str, Taken] = field(default_factory=dict)
    memory: dict[str, str] = field(default_factory=dict)
    memory_since: str = ""

    @classmethod
    def load(cls, path: Path) -> "Cursor":
        """From its file; empty if there is none, or, with a warning, if it cannot be understood. Then the files that are here count."""
        try:
            return cls._parsed(path, json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            warnings.warn(f"{path}: cannot be understood ({error}); the feed begins anew", UserWarning, stacklevel=2)
            return cls(path)

    @classmethod
    def _parsed(cls, path: Path, content: dict[str, Any]) -> "Cursor":
        if content["format"] != _FORMAT:
            raise ValueError(f"expected format {_FORMAT}, got {content['format']!r}")
        taken = {str(name): Taken(str(version), float(at)) for name, (version, at) in content["taken"].items()}
        memory = {str(key): str(value) for key, value in cast(dict[str, Any], content["memory"]).items()}
        return cls(path, taken, memory, str(content["memory_since"]))

    def save(self) -> None:
        """Write the file beside and rename it.

        Raises:
            WriteError: the folder cannot be written.
        """
        taken = {name: [one.version, one.at] for name, one in self.taken.items()}
        with replacing(self.path) as path:
            content = {"format": _FORMAT, "taken": taken, "memory": self.memory, "memory_since": self.memory_since}
            path.write_text(json.dumps(content), encoding="utf-8")

    def forget(self, *, before: float, listed: set[str]) -> None:
        """Drop what was taken long ago and is no longer offered, so that the file stays small."""
        self.taken = {name: one for name, one in self.taken.items() if one.at >= before or name in listed}
