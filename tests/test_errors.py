import copy
import inspect

import numpy as np

import stormcell.errors as errors
from stormcell.timeline import UnevenTimesError


def test_the_tree_in_the_docstring_is_the_tree():
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, errors.StormcellError) and name in errors.__doc__
        builtin = {
            "FramesError": ValueError,
            "UnitsError": ValueError,
            "ReadError": OSError,
            "WriteError": OSError,
            "MethodError": ValueError,
        }
        assert issubclass(kind, builtin.get(name, Exception))
    listed = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}
    assert listed == set(errors.__all__)


def test_a_missing_extra_says_how_to_get_it():
    error = errors.MissingExtraError("pysteps", extra="pysteps", purpose="the comparison")
    assert isinstance(error, ImportError) and "pip install 'stormcell[pysteps]'" in str(error)


def test_errors_with_more_to_say_can_be_copied_as_between_processes():
    missing = copy.copy(errors.MissingExtraError("pysteps", extra="pysteps", purpose="the comparison"))
    assert "pip install 'stormcell[pysteps]'" in str(missing) and missing.package == "pysteps"
    uneven = copy.copy(UnevenTimesError("no even step", np.datetime64("2026-01-01")))
    assert str(uneven) == "no even step" and uneven.at == np.datetime64("2026-01-01")
