"""Write the book: index, a page for each experiment that has run, its pictures and its numbers."""

import shutil
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from stormcell.atomic import replacing
from stormcell.lab import EXPERIMENTS
from stormcell.lab.book.equations import mathml
from stormcell.lab.book.source import colours_of_code, quoted
from stormcell.lab.run import RECORD, Record

__all__ = ["write_book"]


def write_book(records: Sequence[Record], runs: Path, folder: Path, *, interactive: Path | None = None) -> Path:
    """Write the pages of the book.

    The pages need no server, no network and no script; equations are MathML, code is quoted from the source.

    Args:
        records: of the experiments, in any order; the book has those of the registry, in its order.
        runs: folder in which the records and pictures lie.
        folder: of the book; other files in it stay.
        interactive: page in that folder that the index leads to as well; None for none.

    Returns:
        its first page.

    Raises:
        WriteError: the folder cannot be written.
    """
    environment = Environment(loader=PackageLoader("stormcell.lab", "book"), autoescape=True, undefined=StrictUndefined)
    environment.filters["number"] = _number
    by_name = {record.name: record for record in records}
    names = [name for name in EXPERIMENTS if name in by_name]
    chapters = [
        {"name": name, "number": number, "experiment": EXPERIMENTS[name], "record": by_name[name]} for number, name in enumerate(names, 1)
    ]
    for place, chapter in enumerate(chapters):
        experiment = EXPERIMENTS[names[place]]
        _write(
            folder / f"{names[place]}.html",
            environment.get_template("chapter.html").render(
                **chapter,
                equations=[mathml(tex) for tex in experiment.equations],
                paragraphs=_paragraphs(experiment.idea),
                lessons=_paragraphs(experiment.lesson),
                quotations=[quoted(one) for one in experiment.shown],
                before=chapters[place - 1] if place else None,
                after=chapters[place + 1] if place + 1 < len(chapters) else None,
            ),
        )
        _copy(runs / names[place], by_name[names[place]], folder / names[place])
    style = files("stormcell.lab").joinpath("book/book.css").read_text(encoding="utf-8")
    _write(folder / "book.css", style + colours_of_code())
    first = folder / "index.html"
    _write(first, environment.get_template("index.html").render(chapters=chapters, interactive=interactive.name if interactive else None))
    return first


def _copy(source: Path, record: Record, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in (RECORD, *(picture["file"] for picture in record.pictures)):
        with replacing(target / name) as beside:
            shutil.copyfile(source / name, beside)


def _write(path: Path, text: str) -> None:
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _number(value: Any) -> str:
    """A measured number, short enough to read: four digits that count."""
    return "not a number" if value is None else f"{value:.4g}"
