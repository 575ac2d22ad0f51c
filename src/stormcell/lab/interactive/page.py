"""Write the interactive page into a folder."""

import importlib.util
import json
import shutil
from collections.abc import Sequence
from html import escape
from pathlib import Path

from stormcell.atomic import replacing
from stormcell.lab.interactive.export import stored
from stormcell.lab.interactive.models import Trained, train_all

__all__ = ["write_interactive"]

_BUILT = Path(__file__).parent / "built"  # by `npm run build:lab` in web/
_FILES = ("interactive.html", "interactive.css", "interactive.js", "interactive-licences.txt")
_NEEDED = ("onnx", "onnxscript")


def write_interactive(folder: Path, networks: Sequence[Trained] | None = None) -> Path:
    """Write the page on which a reader makes gradients vanish and explode, its script and its networks.

    The page opens from the disk and asks the network for nothing. Where its script is not built or ONNX is not installed, a page
    that says how to get them takes its place.

    Args:
        folder: of the book; other files in it stay.
        networks: to show; None trains those of `train_all`, which takes some seconds.

    Returns:
        the page, `interactive.html`.

    Raises:
        WriteError: the folder cannot be written.
    """
    missing = _missing()
    page = folder / _FILES[0]
    if missing:
        _write(page, _INSTEAD.format(missing="".join(f"<li>{line}</li>" for line in missing)))
        return page
    models = {one.name: stored(one) for one in (train_all() if networks is None else networks)}
    _write(folder / "models.js", f"window.STORMCELL_LAB_MODELS = {json.dumps(models)};\n")
    for name in _FILES[1:] + _FILES[:1]:  # the page last: it needs the others
        with replacing(folder / name) as beside:
            shutil.copyfile(_BUILT / name, beside)
    return page


def _missing() -> list[str]:
    """What has to be done first, as lines of HTML."""
    lines = []
    if not all((_BUILT / name).is_file() for name in _FILES):
        lines.append(
            "its script is not built: with Node 20 or newer, run <code>npm ci &amp;&amp; npm run build:lab</code> in the folder "
            "<code>web</code> of stormcell's source"
        )
    absent = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        lines.append(f"{escape(' and '.join(absent))} not installed: <code>pip install 'stormcell[export]'</code>")
    return lines


def _write(path: Path, text: str) -> None:
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


_INSTEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gradients that vanish and explode</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="book.css">
</head>
<body>
<main>
<nav><a href="index.html">The review, run</a></nav>
<h1>Gradients that vanish and explode</h1>
<p>Here small trained networks run in your browser, and sliders make their gradients vanish and explode. This copy of the book was
written without that page:</p>
<ul>{missing}</ul>
<p>Then write the book anew with <code>stormcell lab report</code>.</p>
</main>
</body>
</html>
"""
