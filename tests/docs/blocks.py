"""The code blocks of a page, and how each kind is run.

On the line before a block stands, if anything, `<!-- not run: reason -->` or `<!-- file: NAME -->`, which writes the block to a file.
"""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from stormcell.cli import app
from stormcell.config import read_experiment

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"(?:^<!-- (not run|file): ([^\n]+?) -->\n)?^(```+)([^\n`]*)\n(.*?)^\3$", re.MULTILINE | re.DOTALL)
_BY_THE_SHELL = ("python", "ls", "cat", "mkdir", "cp", "mv", "test")


class Block(NamedTuple):
    """What stands between two fences, and the mark before it."""

    mark: str
    note: str
    language: str
    text: str


def pages(root: Path) -> list[Path]:
    """Every page that a reader is given."""
    built = root / "docs" / "_build"
    return [root / "README.md", *(page for page in sorted((root / "docs").rglob("*.md")) if built not in page.parents)]


def blocks(page: Path) -> list[Block]:
    """All code blocks, in order."""
    text = page.read_text()
    found = [Block(match[1] or "", match[2] or "", match[4].strip(), match[5]) for match in _BLOCK.finditer(text)]
    assert 2 * len(found) == len(re.findall(r"^```", text, re.MULTILINE)), f"{page}: a block is not closed, or closed twice"
    return found


def run_blocks(page: Path) -> None:
    """Run them in the present folder; a kind that nobody knows how to run is a failure unless it is marked."""
    scope: dict[str, object] = {"__name__": "page"}
    for block in blocks(page):
        if block.mark == "not run" or block.language.startswith("{"):  # a directive, which the build of the site looks at
            continue
        if block.mark == "file":
            Path(block.note).write_text(block.text)
        elif block.language == "python":
            exec(compile(block.text, str(page), "exec"), scope)
        elif block.language in ("console", "sh"):
            for command in commands(block):
                run_command(command)
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "json":
            json.loads(block.text)
        elif page.name != "README.md" or block.language != "text":  # the tree of files, which has a test of its own
            raise AssertionError(f"{page}: nobody knows how to run ```{block.language}; mark it <!-- not run: reason -->\n{block.text}")


def commands(block: Block) -> list[str]:
    """Of a console what comes after `$ `, of a script all lines; a backslash at the end joins two."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def run_command(command: str) -> None:
    """A command of stormcell in this process, with warnings as errors; those that would take long are checked."""
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"{command}: no such target"
    elif words[:2] == ["stormcell", "train"] and words[2].startswith("experiments/"):
        read_experiment(ROOT / words[2], [words[at + 1] for at, word in enumerate(words) if word == "--set"])
    elif words[0] == "stormcell" and not {"|", ">", "&&"} & set(words):
        code = app(words[1:], standalone_mode=False)
        assert not code, f"{command}: exit status {code}"
    else:
        assert words[0] in _BY_THE_SHELL, f"{command}: nobody knows how to run it; mark the block <!-- not run: reason -->"
        environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
