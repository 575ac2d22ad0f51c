"""What a person at the terminal is told, and what not."""

import warnings

from stormcell.cli.terminal import progress_and_warnings


class OldAndLoud(UserWarning, DeprecationWarning):
    """Of both kinds, as the deprecations of pyparsing are."""


def test_a_warning_takes_one_line_and_is_said_once(capsys):
    with progress_and_warnings():
        for _ in range(2):
            warnings.warn("two lines\n  of text", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "stormcell: warning: two lines of text\n"


def test_what_authors_of_libraries_tell_each_other_is_not_said(capsys):
    with progress_and_warnings():
        warnings.warn("'oneOf' deprecated - use 'one_of'", OldAndLoud, stacklevel=1)
    assert capsys.readouterr().err == ""
