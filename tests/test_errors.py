import inspect

import stormcell.errors as errors


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
