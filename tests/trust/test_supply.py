"""What stormcell is made of: bounds that are tried, a bill of materials, licences beside what they are of, and imports that do nothing."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tools.make_minimum import MINIMUM, minimum
from tools.make_sbom import bill, python_components, web_components

from tests.test_public_surface import MODULES

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGES = ("src/stormcell/service/static/licences.txt", "src/stormcell/lab/interactive/built/interactive-licences.txt")


def test_the_minimum_is_that_of_the_bounds():
    assert MINIMUM.read_text() == minimum(ROOT / "pyproject.toml"), "run tools/make_minimum.py"


def test_a_package_has_one_bound_wherever_it_is_named():
    bounds: dict[str, set[str]] = {}
    for line in [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]:
        needed = Requirement(line)
        if needed.name != "stormcell":
            bounds.setdefault(needed.name, set()).add(str(needed.specifier))
    assert {name: found for name, found in bounds.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    "dependencies", [["numpy"], ["numpy<3"], ["numpy>=2", "numpy>=2.1"]], ids=["no bound", "an upper bound only", "two that differ"]
)
def test_a_bound_that_cannot_be_tried_is_refused(dependencies, tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text(f'[project]\nname = "stormcell"\ndependencies = {json.dumps(dependencies)}\noptional-dependencies = {{}}\n')
    with pytest.raises(ValueError, match="one lower bound of numpy"):
        minimum(path)


def test_the_bill_of_materials_is_complete():
    """All that pyproject.toml asks for, what that needs in turn, and the web packages, each once, with version, address and licence."""
    document = bill(("serve",))
    names = {one["name"] for one in document["components"]}
    asked = [Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["serve"]]
    assert {one.name for one in asked if one.marker is None or one.marker.evaluate()} <= names
    assert {"pydantic-core", "botocore", "maplibre-gl", "earcut"} - names == {"botocore"}, (
        "needed in turn, and no extra that was not asked for"
    )
    assert "vite" not in names and "pytest" not in names
    references = [one["bom-ref"] for one in document["components"]]
    assert len(set(references)) == len(references)
    assert all(re.fullmatch(r"pkg:(pypi|npm)/[^@]+@[^@]+", one["purl"]) for one in document["components"])
    unlicensed = {one["name"] for one in document["components"] if not one.get("licenses", [{}])[0].get("license", {}).get("name")}
    assert unlicensed <= {"cuda-toolkit"}, "it comes with torch for accelerators, is empty itself, and names no licence"


def test_the_bill_wants_what_it_lists_to_be_there(monkeypatch):
    monkeypatch.setitem(PROJECT, "dependencies", [])
    monkeypatch.setattr("tools.make_sbom.PROJECT", {**PROJECT, "dependencies": ["no-such-package>=1"]})
    with pytest.raises(SystemExit, match="no-such-package: is needed"):
        python_components(())


def test_every_package_in_the_pages_has_its_licence_beside_it():
    if not all((ROOT / page).is_file() for page in PAGES):
        pytest.skip("the web pages are not built: make web")
    texts = "\n".join((ROOT / page).read_text() for page in PAGES)
    parts = re.split(r"^# ((?:@[\w-]+/)?[\w.-]+ \d\S*) \((.+)\)$", texts, flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::3], parts[2::3], strict=True))
    wanted = {f"{one['name']} {one['version']}" for one in web_components()}
    assert found.keys() == wanted
    assert all(re.search(r"copyright|permission", text, re.IGNORECASE) and len(text) > 400 for text in found.values())


def test_models_and_coastlines_say_where_they_are_from():
    for folder in (ROOT / "src/stormcell/models").iterdir():
        if folder.is_dir():
            about = (folder / "README.md").read_text()
            assert re.search(r"^license: ", about, re.MULTILINE) and "TAASRAD19" in about, folder.name
    assert "naturalearthdata.com" in (ROOT / "docs/licences.md").read_text()


LIST = """
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
print(*sys.modules)
"""

WATCH = """
import importlib, logging, signal, sys, threading, warnings
sys.dont_write_bytecode = True
for name in {others!r}:  # what they import from other packages has effects, which are not ours
    try:
        importlib.import_module(name)
    except ImportError:
        pass
import matplotlib

def settings():
    loggers = {{name: (one.level, list(getattr(one, "handlers", [])), getattr(one, "propagate", None))
               for name, one in logging.root.manager.loggerDict.items() if isinstance(one, logging.Logger)}}
    return {{"matplotlib": dict(matplotlib.rcParams), "warnings": list(warnings.filters), "hook": (sys.excepthook, warnings.showwarning),
            "root": (logging.root.level, list(logging.root.handlers)), "threads": threading.enumerate(), "path": list(sys.path),
            "signals": [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)],
            "loggers": {{name: one for name, one in loggers.items() if not name.startswith("stormcell")}},
            "own": {{name: one[:2] for name, one in loggers.items() if name.startswith("stormcell")}}}}

effects = []
def watch(event, words):
    if event == "open" and (set(str(words[1] or "")) & set("wax+") or (isinstance(words[2], int) and words[2] & 0o103)):
        effects.append((event, str(words[0])))
    elif event.startswith(("socket.", "subprocess.", "os.mkdir", "os.putenv", "os.system", "shutil.", "tempfile.")):
        effects.append((event, *map(str, words)))

threading.Thread.start = lambda thread: effects.append(("thread", thread.name))
before = settings()
sys.addaudithook(watch)
for name in {names!r}:
    importlib.import_module(name)
after = settings()
for what in before:
    if what == "own":
        assert all(level == 0 and not handlers for level, handlers in after["own"].values()), after["own"]
    elif before[what] != after[what]:
        effects.append((what, "changed"))
print(effects)
"""


def effects(names: list[str], folder: Path) -> str:
    """What importing these modules does beside giving names, as a process in this folder sees it."""

    def said(code: str) -> str:
        command = [sys.executable, "-B", "-W", "ignore", "-"]
        return subprocess.run(command, cwd=folder, input=code, check=True, capture_output=True, text=True).stdout

    ours = {name.partition(".")[0] for name in names}
    others = [name for name in said(LIST.format(names=names)).split() if name.partition(".")[0] not in {*ours, "__main__"}]
    return said(WATCH.format(others=others, names=names)).strip()


def test_importing_has_no_side_effect(tmp_path):
    """No output, file, folder, socket, process or thread, and no setting of logging, warnings, signals or matplotlib: in every module."""
    assert effects([name for name in MODULES if not name.endswith("__main__")], tmp_path) == "[]"
    assert list(tmp_path.iterdir()) == []


def test_a_side_effect_is_seen(tmp_path):
    lines = ("import logging, matplotlib, socket, threading, warnings", "open('left', 'w').close()", "socket.socket().close()")
    more = ("threading.Thread(target=int).start()", "logging.basicConfig()", "warnings.simplefilter('ignore')", "matplotlib.use('svg')")
    (tmp_path / "loud.py").write_text("\n".join((*lines, *more, "matplotlib.rcParams['font.size'] = matplotlib.rcParams['font.size'] + 1")))
    seen = effects(["loud"], tmp_path)
    assert all(word in seen for word in ("'left'", "socket.__new__", "'root'", "'warnings'", "'matplotlib'")), seen
