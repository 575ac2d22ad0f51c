"""The tables of docs/trust.md are of all methods and cases, and say what the tests expect."""

import re
from pathlib import Path

from stormcell.methods import METHODS
from tests.trust.contract import expected_refusal
from tests.trust.weather import CASES

PAGE = (Path(__file__).parents[2] / "docs" / "trust.md").read_text()
WRITTEN = PAGE[PAGE.index("<!-- written") : PAGE.index("<!-- end")]


def _cells() -> dict[tuple[str, str], str]:
    """(method, what is wrong) -> what the page says."""
    cells: dict[tuple[str, str], str] = {}
    names: list[str] = []
    for line in WRITTEN.splitlines():
        if line.startswith("| |"):
            names = re.findall(r"`([\w-]+)`", line)
        elif line.startswith("| "):
            says, *row = (part.strip() for part in line.strip("|").split("|"))
            cells |= {(name, says): cell for name, cell in zip(names, row, strict=True)}
    return cells


def test_every_method_and_every_case_has_its_cell():
    assert set(_cells()) == {(name, case.says) for name in METHODS for case in CASES.values()}


def test_the_page_says_what_the_tests_expect():
    said = dict(re.findall(r"^(\d+)\. \S+: `(.*)`$", WRITTEN, re.MULTILINE))
    cells = _cells()
    for name in METHODS:
        for case in CASES.values():
            kind, _, note = cells[name, case.says].partition(" ")
            refusal = expected_refusal(name, case)
            if kind != "not":  # tried
                assert (kind == "refused") == bool(refusal), (name, case.says)
            if refusal:
                assert re.search(refusal, said[note]), (name, case.says, said[note])
