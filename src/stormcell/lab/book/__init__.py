"""The book "the review, run": a chapter for each experiment of the lab, as pages that open without a server."""

from stormcell.lab.book.write import write_book

__all__ = ["write_book"]
