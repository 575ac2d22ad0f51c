"""Docstrings are plain text: what reStructuredText would take for markup is kept as it stands, and equations are set apart.

Before napoleon reads a docstring, names in single backticks become code, equations a literal block, and the rest is escaped.
"""

import re

from sphinx.application import Sphinx

_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Shapes|Source|Example|Examples|Note|Notes):\s*$")
_ARGUMENT = re.compile(r"^(\s+)(\*{0,2}[\w, *.]+)(:\s)")
_LITERALS = ("Example:", "Examples:")


def plain(lines: list[str]) -> list[str]:
    """The docstring as reStructuredText that shows what a reader of the source sees."""
    written: list[str] = []
    section = ""
    for paragraph in _paragraphs(lines):
        if (head := _SECTION.match(paragraph[0])) is not None:
            section = head[0].strip()
        if section in _LITERALS or paragraph[0].lstrip().startswith(">>>"):
            written += paragraph
        elif not section and _is_equation(paragraph):
            written += [".. code-block:: none", "   :class: equation", "", *("    " + line for line in _even(paragraph))]
        elif not section and _is_list(paragraph):
            written += [_escaped(line) for line in paragraph]
        else:
            written += [_in_section(line) if section else _escaped(line.lstrip()) for line in paragraph]
        written.append("")
    return written


def _paragraphs(lines: list[str]) -> list[list[str]]:
    gathered: list[list[str]] = [[]]
    for line in lines:
        if not line.strip():
            gathered.append([])
        elif _SECTION.match(line) and gathered[-1]:
            gathered.append([line])
        else:
            gathered[-1].append(line)
    return [paragraph for paragraph in gathered if paragraph]


def _is_equation(paragraph: list[str]) -> bool:
    if all(line.startswith("    ") for line in paragraph):
        return True
    return all(re.search(r"\S = \S|^\s", line) and not line.rstrip().endswith((".", ":", ";")) for line in paragraph)


def _is_list(paragraph: list[str]) -> bool:
    return re.match(r"\s*([-*]|\d+\.) ", paragraph[0]) is not None


def _even(paragraph: list[str]) -> list[str]:
    indent = min(len(line) - len(line.lstrip()) for line in paragraph)
    return [line[indent:] for line in paragraph]


def _in_section(line: str) -> str:
    if _SECTION.match(line):
        return line
    if (argument := _ARGUMENT.match(line)) is not None:
        return line[: argument.end()] + _escaped(line[argument.end() :])
    return _escaped(line)


def _escaped(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    bullet = re.match(r"([-*]|\d+\.) ", line.lstrip())
    start = len(indent) + (bullet.end() if bullet else 0)
    pieces = re.split(r"(``[^`]+``|`[^`]+`)", line[start:])
    kept = [f"``{piece.strip('`')}``\\ " if piece.startswith("`") else re.sub(r"([\\*|_`])", r"\\\1", piece) for piece in pieces]
    return line[:start] + "".join(kept)


def _process(app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]) -> None:
    lines[:] = plain(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Before napoleon, whose priority is 500."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _process, priority=400)
    return {"parallel_read_safe": True}
