"""Figures of a benchmark on disk: all of them for programs, the page for people."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stormcell.atomic import replacing

__all__ = ["write_figures"]


def write_figures(figures: Mapping[str, Any], page: str, *, output: Path | None, report: Path | None) -> None:
    """Write what was asked for.

    Args:
        figures: everything that was measured, plain values.
        page: the same as Markdown.
        output: JSON file for the figures; None for none.
        report: file for the page; None for none.

    Raises:
        WriteError: a file cannot be written.
    """
    for path, text in ((output, json.dumps(figures, indent=2) + "\n"), (report, page)):
        if path:
            with replacing(path) as beside:
                beside.write_text(text)
