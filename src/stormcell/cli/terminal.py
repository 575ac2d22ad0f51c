"""What every command says to the person at the terminal: progress bars, warnings in one line, file sizes."""

import logging
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

__all__ = ["progress_and_warnings", "say_written"]


@contextmanager
def progress_and_warnings() -> Iterator[None]:
    """Within this block long work draws progress bars on stderr (if it is a terminal), and warnings take one line each.

    Libraries that fail while they close a broken file complain outside of any call that could be caught; they are silenced.
    """
    from stormcell.progress import listener

    token, hook = listener.set(_bar), sys.unraisablehook
    sys.unraisablehook = lambda _: None
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("once", UserWarning)
            warnings.showwarning = _show_warning
            yield
    finally:
        listener.reset(token)
        sys.unraisablehook = hook


def _bar(items: Iterable[Any], what: str, total: int | None) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield from items
        return
    columns = (TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(items, description=what, total=total)


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """A line for the person at the terminal, who can do nothing about what one library's authors tell another's."""
    if issubclass(category, DeprecationWarning):  # pyparsing's is a UserWarning too
        return
    print(f"stormcell: warning: {' '.join(str(message).split())}", file=sys.stderr)


def say_written(paths: list[Path]) -> None:
    """One line: what was written where, and how large it is."""
    size = sum(path.stat().st_size for path in paths)
    megabytes = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
    what = str(paths[0]) if len(paths) == 1 else f"{paths[0].parent}/ ({len(paths)} files)"
    print(f"wrote     {what}, {megabytes}")
