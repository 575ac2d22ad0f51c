"""Links of Markdown pages to files outside this folder lead to the page that shows the file, or are shown as a path."""

import re
from pathlib import Path

from sphinx.application import Sphinx

_SHOWN = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    docs = Path(app.srcdir).resolve()
    here = (docs / name).parent

    def mended(link: re.Match[str]) -> str:
        target = (here / link[2]).resolve()
        if target.is_relative_to(docs):
            return link[0]
        shown = _SHOWN.get(target.relative_to(docs.parent).as_posix())
        up = "../" * len(here.relative_to(docs).parts)
        return f"[{link[1]}]({up}{shown})" if shown else f"`{target.relative_to(docs.parent).as_posix()}`"

    source[0] = _LINK.sub(mended, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Mend links when a page is read."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
