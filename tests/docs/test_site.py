"""The site builds without a warning and without the network, and shows what it promises."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HERE = find_spec("sphinx") and find_spec("furo") and find_spec("myst_parser")
pytestmark = [pytest.mark.skipif(not HERE, reason="needs the extra 'docs'"), pytest.mark.timeout(900)]

_BUILD = """
import socket, sys

def refuse(*_):
    raise OSError("the site must build without the network")

socket.socket.connect = refuse
socket.create_connection = refuse
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    words = ["-W", "--keep-going", "-q", "-b", "html", "-d", str(folder / "doctrees"), str(ROOT / "docs"), str(folder / "html")]
    done = subprocess.run([sys.executable, "-c", _BUILD, *words], capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / "html"


def test_every_page_is_there(site):
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts}
    assert [str(page) for page in pages if not (site / page).exists()] == []


def test_nothing_is_loaded_from_elsewhere(site):
    loads = re.compile(
        r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"((?:https?:)?//[^\"]+)\"|url\([\"']?((?:https?:)?//[^)]+)\)"
    )
    for page in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert loads.findall(page.read_text()) == [], page


def test_the_reference_shows_signature_equation_and_source(site):
    page = (site / "python" / "cells.html").read_text()
    assert 'id="stormcell.cells.convgru.ConvGRU"' in page
    words = re.sub(r"<[^>]+>", "", page)
    assert "r = sig(Wr * x + br + Rr * h- + dr)" in words and "arXiv:1706.03458" in words
