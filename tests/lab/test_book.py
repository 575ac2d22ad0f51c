"""The book says what ran, quotes it from the source, and opens without a server."""

import inspect
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from stormcell.lab import EXPERIMENTS
from stormcell.lab.book import write_book
from stormcell.lab.book.source import quoted
from stormcell.lab.fit import fit
from stormcell.lab.run import run_experiment
from tests.lab import toy
from tests.products.test_page import browser as browser


class Links(HTMLParser):
    """Every address a page asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Of two chapters."""
    for name in list(EXPERIMENTS):
        monkeypatch.delitem(EXPERIMENTS, name)
    for name in ("toy", "second"):
        monkeypatch.setitem(EXPERIMENTS, name, toy.EXPERIMENT)
    monkeypatch.setattr("stormcell.lab.book.write.quoted", lambda shown: quoted(fit))  # the toy is no part of the package
    records = [run_experiment(name, tmp_path / "runs") for name in ("second", "toy")]
    return write_book(records, tmp_path / "runs", tmp_path / "book").parent


def test_every_link_leads_somewhere_inside(book):
    pages = sorted(book.glob("*.html"))
    assert [page.name for page in pages] == ["index.html", "second.html", "toy.html"]
    for page in pages:
        for link in Links(page.read_text()).found:
            assert (page.parent / link).is_file(), f"{page.name} asks for {link}"


def test_a_chapter_says_what_ran(book):
    text = (book / "toy.html").read_text()
    words = unescape(re.sub(r"<[^>]+>", " ", text))
    for part in ("Halves & <halves>", "A half is less than the whole.", "equation 1", "It holds.", "Halve it once more.", "the last value"):
        assert part in words
    assert '<a rel="next" href="second.html">' in text and 'rel="prev"' not in text
    assert text.count("<math") == 2 and "<script" not in text and "http:" not in text.replace("http://www.w3.org/1998/Math/MathML", "")


def test_code_is_quoted_from_the_source():
    quotation = quoted(fit)
    lines, first = inspect.getsourcelines(fit)
    assert (quotation.file, quotation.first, quotation.last) == ("stormcell/lab/fit.py", first, first + len(lines) - 1)
    assert unescape(re.sub(r"<[^>]+>", "", quotation.code)).strip() == "".join(lines).strip()


def test_a_browser_shows_it_from_a_file(book, browser):
    page = browser.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.goto((book / "toy.html").as_uri())
    assert page.locator("figure img").first.evaluate("image => image.naturalWidth") > 100
    assert page.locator("math").first.bounding_box()["width"] > 20
    page.get_by_role("link", name="2. Halves").first.click()
    assert page.locator("h1").inner_text().startswith("2") and not errors
    page.close()
