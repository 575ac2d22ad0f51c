"""The interactive page of the lab's book: small trained networks that run in the reader's browser, and their gradients."""

from stormcell.lab.interactive.page import write_interactive

__all__ = ["write_interactive"]
