"""Code that the book shows: quoted from the source that ran, never copied."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

import stormcell

__all__ = ["Quotation", "colours_of_code", "quoted"]

_LIGHT, _DARK = "default", "github-dark"


@dataclass(frozen=True)
class Quotation:
    """Lines of the package.

    Args:
        file: under `src`, with forward slashes.
        first, last: numbers of the lines.
        code: as HTML with classes for colours.
    """

    file: str
    first: int
    last: int
    code: Markup


def quoted(shown: Callable[..., Any] | type) -> Quotation:
    """The source of a function or class of the package."""
    shown = inspect.unwrap(shown)
    lines, first = inspect.getsourcelines(shown)
    file = Path(inspect.getsourcefile(shown) or "").resolve().relative_to(Path(stormcell.__file__).resolve().parents[1])
    code = highlight(dedent("".join(lines)), PythonLexer(), HtmlFormatter(nowrap=True))
    return Quotation(file.as_posix(), first, first + len(lines) - 1, Markup(code))


def colours_of_code() -> str:
    """Style sheet of quoted code, for light and dark pages."""
    light, dark = (HtmlFormatter(style=name).get_style_defs("pre.code") for name in (_LIGHT, _DARK))
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
