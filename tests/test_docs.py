"""Code in the documentation runs; the examples in docstrings too; the README's facts are facts."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import stormcell
from tests.docs.blocks import pages, run_blocks

ROOT = Path(__file__).parents[1]
SLOW_PAGES = [ROOT / "docs" / "tutorials" / "train.md"]
PAGES = [page for page in pages(ROOT) if page not in SLOW_PAGES]
MODULES = ["stormcell", *sorted(module.name for module in pkgutil.walk_packages(stormcell.__path__, "stormcell."))]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder as a newcomer has it: some radar files in `radar/`."""
    from stormcell.data.readers.odim import write_odim
    from stormcell.data.synthetic import synthetic_storm

    write_odim(synthetic_storm(18, shape=(64, 64)), tmp_path / "radar")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # pages write modules of their own
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_blocks_run(page, desk):
    """In order, in one folder; a block that cannot run says so: `<!-- not run: reason -->` on the line before."""
    run_blocks(page)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_slow_code_blocks_run(page, desk):
    run_blocks(page)


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

    text = "".join(page.read_text() for page in [*PAGES, *SLOW_PAGES])
    for name in (*READERS, *METHODS, *ZR_RULES, *CELLS, *NORMALISERS, *QUANTIZERS, *NETWORKS, *SCORES):
        assert f"`{name}`" in text, f"{name} is not documented"


def test_the_version_is_told_once():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == stormcell.__version__ and f"[{stormcell.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
