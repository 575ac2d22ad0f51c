"""Python in a process of its own, with warnings as in this one: errors, but for those that `pytest -W` lets pass."""

import sys

PYTHON = [sys.executable, "-W", "error"]
"""The words to begin a command with; conftest adds what pytest was given."""
