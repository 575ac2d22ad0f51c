"""Code in the documentation runs; the examples in docstrings too; the README's facts are facts."""

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import stormcell

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = ["stormcell", *sorted(module.name for module in pkgutil.walk_packages(stormcell.__path__, "stormcell."))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder as a newcomer has it: some radar files in `radar/`."""
    from stormcell.data.readers.odim import write_odim
    from stormcell.data.synthetic import synthetic_storm

    write_odim(synthetic_storm(12, shape=(64, 64)), tmp_path / "radar")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_blocks_run(page, desk):
    scope: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), scope)


@pytest.mark.parametrize("page", [page for page in PAGES if "$ stormcell" in page.read_text()], ids=lambda page: page.name)
def test_commands_run(page, desk):
    """Lines that begin with `$ stormcell` and work on the newcomer's radar files."""
    commands = re.findall(r"^\$ (stormcell (?:ingest|nowcast|info|--help).*)$", page.read_text(), re.MULTILINE)
    for command in commands:
        words = command.split("#")[0].split()[1:]
        code = f"import sys; sys.argv = ['stormcell', *{words!r}]; from stormcell.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"}
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_files_named_in_the_readme_are_there():
    readme = (ROOT / "README.md").read_text()
    for link in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / link).exists(), link
    tree = re.search(r"```text\nsrc/stormcell/\n(.*?)```", readme, re.DOTALL)
    assert tree, "the README shows the tree of files"
    named = set(re.findall(r"^  (\w+(?:\.py|/))", tree[1], re.MULTILINE))
    there = {path.name + ("/" if path.is_dir() else "") for path in (ROOT / "src" / "stormcell").iterdir()}
    assert named == there - {"__pycache__/", "__init__.py", "py.typed"}, named ^ there


def test_every_listed_thing_has_its_line_of_docs():
    from stormcell.cells import CELLS, NORMALISERS, QUANTIZERS
    from stormcell.data.readers import READERS
    from stormcell.methods import METHODS
    from stormcell.networks import NETWORKS
    from stormcell.units import ZR_RULES
    from stormcell.verification import SCORES

    text = "".join(page.read_text() for page in PAGES)
    for name in (*READERS, *METHODS, *ZR_RULES, *CELLS, *NORMALISERS, *QUANTIZERS, *NETWORKS, *SCORES):
        assert f"`{name}`" in text, f"{name} is not documented"


def test_the_version_is_told_once():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == stormcell.__version__ and f"[{stormcell.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
