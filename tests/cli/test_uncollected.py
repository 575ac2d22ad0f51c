"""A short job is not looked through for garbage; afterwards all is as it was."""

import gc
import sys

import pytest

from stormcell.cli import main
from stormcell.cli.uncollected import uncollected


def test_no_garbage_is_looked_for_within_and_again_after():
    assert gc.isenabled()
    with pytest.raises(KeyError), uncollected():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()


def test_who_has_switched_it_off_keeps_it_so():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_end_of_the_process_looks_through_nothing(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stormcell", "--version"])
    gc.unfreeze()
    try:
        with pytest.raises(SystemExit):
            main()
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
