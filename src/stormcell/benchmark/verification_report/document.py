"""What a report is made of; `page` and `markdown` know how to write it down.

All text is plain: whoever writes it down escapes it. Only pictures are markup, and hold no text of users.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

__all__ = ["Block", "Cell", "Document", "Figure", "KeyEntry", "Panel", "Section", "Table"]


class Cell(NamedTuple):
    """A cell that stands out.

    Attributes:
        text: what is in it.
        best: it is the best of those it is compared with.
    """

    text: str
    best: bool = False


class KeyEntry(NamedTuple):
    """A line of the key: how something looks, as SVG, and what it is."""

    picture: str
    label: str


@dataclass(frozen=True)
class Panel:
    """One plot or map.

    Attributes:
        title: written above it.
        picture: SVG.
        alt: what it shows, for those who cannot see it.
        reading: how to read it, where the panels of a figure are not all read alike.
    """

    title: str
    picture: str
    alt: str
    reading: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: what it is, and how to read it.
        header: of the columns.
        rows: as many cells each as there are columns; the first is the row's name.
        words: how many of the first columns hold words; the others hold numbers.
        name: of the file with its numbers, if it has one.
        numbers: what goes into that file.
    """

    caption: str
    header: list[str]
    rows: list[list[str | Cell]]
    words: int = 1
    name: str | None = None
    numbers: pd.DataFrame | None = None


@dataclass(frozen=True)
class Figure:
    """Plots that are read together.

    Attributes:
        name: of the file with its numbers.
        title: what it is.
        reading: how to read it.
        panels: the plots.
        numbers: all that is drawn, a row for each point.
        key: what lines and markers mean.
        tables: the main numbers again, for readers without pictures.
        columns: how many panels stand side by side where there is room; as many as fit if None.
    """

    name: str
    title: str
    reading: str
    panels: list[Panel]
    numbers: pd.DataFrame
    key: list[KeyEntry] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    columns: int | None = None


Block = Figure | Table


@dataclass(frozen=True)
class Section:
    """A heading, what is said below it, and figures and tables."""

    title: str
    text: list[str]
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True)
class Document:
    """The whole report."""

    title: str
    sections: list[Section]

    @property
    def files(self) -> dict[str, pd.DataFrame]:
        """Name -> numbers, of every figure and table that has some."""
        blocks = [block for section in self.sections for block in section.blocks]
        return {block.name: block.numbers for block in blocks if block.name is not None and block.numbers is not None}
