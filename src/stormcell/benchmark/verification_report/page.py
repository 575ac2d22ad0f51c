"""A report as one page that stands alone: it opens as a file, loads nothing, runs nothing, and prints."""

from html import escape
from importlib.resources import files
from itertools import count
from string import Template

from stormcell.benchmark.verification_report.document import Block, Cell, Document, Figure, Section, Table
from stormcell.benchmark.verification_report.drawing import own_ids

__all__ = ["page"]


def page(document: Document) -> str:
    """The whole page."""
    numbers = count()
    template = files("stormcell.benchmark.verification_report").joinpath("page.html").read_text(encoding="utf-8")
    contents = "\n".join(f'<li><a href="#section-{place}">{escape(one.title)}</a></li>' for place, one in enumerate(document.sections))
    sections = "\n".join(_section(section, place, numbers) for place, section in enumerate(document.sections))
    return Template(template).substitute(title=escape(document.title), contents=contents, sections=sections)


def _section(section: Section, place: int, numbers: "count[int]") -> str:
    text = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in section.text)
    blocks = "\n".join(_block(block, numbers) for block in section.blocks)
    heading = f'<h2 id="heading-{place}">{escape(section.title)}</h2>'
    return f'<section id="section-{place}" aria-labelledby="heading-{place}">\n{heading}\n{text}\n{blocks}\n</section>'


def _block(block: Block, numbers: "count[int]") -> str:
    return _figure(block, numbers) if isinstance(block, Figure) else _table(block)


def _figure(figure: Figure, numbers: "count[int]") -> str:
    panels = "\n".join(
        f'<div class="panel{" first" if figure.columns and place % figure.columns == 0 else ""}"><h4>{escape(panel.title)}</h4>'
        f"{_labelled(panel.picture, panel.alt, next(numbers))}{_note(panel.reading)}</div>"
        for place, panel in enumerate(figure.panels)
    )
    entries = "".join(f"<li>{_hidden(entry.picture, next(numbers))}{escape(entry.label)}</li>" for entry in figure.key)
    maps = figure.columns is not None
    key = f'<ul class="key{" colours" if maps else ""}" aria-label="Key">{entries}</ul>' if entries else ""
    tables = "\n".join(_table(table) for table in figure.tables)
    details = f"<details><summary>The same as a table</summary>{tables}</details>" if tables else ""
    grid = f'class="panels maps" style="--columns: {figure.columns}"' if maps else 'class="panels"'
    caption = f"<figcaption><h3>{escape(figure.title)}</h3>{_note(figure.reading)}{_file(figure.name)}</figcaption>"
    return f"<figure>\n{caption}\n{key}\n<div {grid}>\n{panels}\n</div>\n{details}\n</figure>"


def _table(table: Table) -> str:
    kinds = ["words" if place < table.words else "number" for place in range(len(table.header))]
    head = "".join(f'<th scope="col" class="{kind}">{escape(name)}</th>' for kind, name in zip(kinds, table.header, strict=True))
    rows = "\n".join(f"<tr>{_row(row, kinds)}</tr>" for row in table.rows)
    below = _file(table.name) if table.name else ""
    caption = escape(table.caption)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table><caption><span>{caption}</span></caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>{below}"
    )


def _row(row: list[str | Cell], kinds: list[str]) -> str:
    first, *others = row
    cells = "".join(f'<td class="{kind}">{_cell(cell)}</td>' for kind, cell in zip(kinds[1:], others, strict=True))
    return f'<th scope="row" class="words">{_cell(first)}</th>{cells}'


def _cell(cell: str | Cell) -> str:
    if isinstance(cell, Cell):
        return f"<b>{escape(cell.text)}</b>" if cell.best else escape(cell.text)
    return escape(cell)


def _note(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def _file(name: str) -> str:
    path = escape(f"figures/{name}.csv")
    return f'<p class="numbers">Numbers: <a href="{path}">{path}</a></p>'


def _labelled(svg: str, alt: str, number: int) -> str:
    return own_ids(svg, f"p{number}-").replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1)


def _hidden(svg: str, number: int) -> str:
    return own_ids(svg, f"p{number}-").replace("<svg ", '<svg aria-hidden="true" ', 1)
