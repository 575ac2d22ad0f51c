"""docs/security.md names a test for every promise; here it is seen that each is there, and promises without a better home are kept."""

import ast
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
_NAMED = re.compile(r"\]\(\.\./(tests/[\w/]+\.py)\)((?:,? `test_\w+`)+)")

RUNS = {"eval", "exec", "compile", "__import__"}
RUNNING_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "yaml"}
LOADS = {"torch.load", "os.system", "os.popen"}


def _promises() -> list[tuple[str, str]]:
    """Every (file, test) that the page names."""
    page = (ROOT / "docs" / "security.md").read_text()
    return [(file, name) for file, names in _NAMED.findall(page) for name in re.findall(r"test_\w+", names)]


def test_every_promise_names_a_test_that_is_there():
    promises = _promises()
    page = (ROOT / "docs" / "security.md").read_text()
    assert len(promises) == len(re.findall(r"`test_\w+`", page)) > 40, "a test stands without its file"
    missing = [
        f"{file}: {name}"
        for file, name in promises
        if name not in {node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)}
    ]
    assert not missing


def test_every_row_of_a_table_of_promises_has_a_test():
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", (ROOT / "docs" / "security.md").read_text().split("## What is promised")[1], re.MULTILINE)
    assert len(rows) > 20
    assert [promise for promise, proof in rows if promise != "promise" and not _NAMED.search(proof)] == []


def _dotted(node: ast.expr) -> str:
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _runs_what_it_reads(tree: ast.AST) -> list[str]:
    """What in a module would run, or unpickle, what it is given."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [name for name in names if name.split(".")[0] in RUNNING_MODULES]
        elif isinstance(node, ast.Call):
            called = _dotted(node.func)
            said = {word.arg: word.value for word in node.keywords}
            found += [called] if called in RUNS | LOADS else []
            found += [f"{called}({word})" for word in ("shell", "allow_pickle") if getattr(said.get(word), "value", False)]
    return found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("eval('1')", ["eval"]),
        ("import pickle", ["pickle"]),
        ("from yaml import load", ["yaml"]),
        ("subprocess.run(x, shell=True)", ["subprocess.run(shell)"]),
        ("np.load(f, allow_pickle=True)", ["np.load(allow_pickle)"]),
        ("torch.load(f)", ["torch.load"]),
        ("np.load(f, allow_pickle=False); re.compile('x'); network.eval()", []),
    ],
)
def test_the_search_finds_what_it_looks_for(code, found):
    assert _runs_what_it_reads(ast.parse(code)) == found


def test_nothing_that_is_read_is_run():
    assert len(SOURCES) > 300
    assert {str(path.relative_to(ROOT)): found for path in SOURCES if (found := _runs_what_it_reads(ast.parse(path.read_text())))} == {}


def test_the_service_listens_on_this_machine_alone():
    from stormcell.cli.serve import serve

    assert inspect.signature(serve).parameters["host"].default == "127.0.0.1"
