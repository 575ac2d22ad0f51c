"""A report as Markdown: its words and tables; pictures are on the page."""

import re

from stormcell.benchmark.verification_report.document import Cell, Document, Figure, Section, Table

__all__ = ["markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~&])")


def markdown(document: Document) -> str:
    """The whole report."""
    return "\n\n".join([f"# {_plain(document.title)}", *(_section(section) for section in document.sections)]) + "\n"


def _section(section: Section) -> str:
    parts = [f"## {_plain(section.title)}", *(_plain(paragraph) for paragraph in section.text)]
    for block in section.blocks:
        parts += _figure(block) if isinstance(block, Figure) else _table(block)
    return "\n\n".join(parts)


def _figure(figure: Figure) -> list[str]:
    tables = [part for table in figure.tables for part in _table(table)]
    return [f"### {_plain(figure.title)}", f"{_plain(figure.reading)} {_file(figure.name)}", *tables]


def _table(table: Table) -> list[str]:
    lines = ["| " + " | ".join(_plain(name) for name in table.header) + " |", "|---" * len(table.header) + "|"]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
    return [f"**{_plain(table.caption)}**", "\n".join(lines), *([_file(table.name)] if table.name else [])]


def _cell(cell: str | Cell) -> str:
    if isinstance(cell, Cell):
        return f"**{_plain(cell.text)}**" if cell.best else _plain(cell.text)
    return _plain(cell)


def _file(name: str) -> str:
    return f"Numbers: [figures/{_plain(name)}.csv](figures/{name}.csv)"


def _plain(text: str) -> str:
    """Text that Markdown takes for text, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
