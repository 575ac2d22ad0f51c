"""What is public is what `__all__` says; importing has no effect and costs little."""

import importlib
import pkgutil
import subprocess

import pytest

import stormcell
from tests.strict import PYTHON

MODULES = sorted(module.name for module in pkgutil.walk_packages(stormcell.__path__, "stormcell."))


@pytest.mark.parametrize("name", MODULES)
def test_all_is_sorted_and_true(name):
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", [])
    assert len(set(listed)) == len(listed)
    for public in listed:
        assert hasattr(module, public), f"{name}.__all__ names {public}, which is not there"
    own = {key for key, value in vars(module).items() if getattr(value, "__module__", None) == name and not key.startswith("_")}
    undocumented = {key for key in own & set(listed) if callable(getattr(module, key)) and not getattr(module, key).__doc__}
    assert not undocumented, f"{name}: {undocumented} have no docstring"


def test_every_public_verb_can_be_reached():
    for name in stormcell.__all__:
        assert callable(getattr(stormcell, name))
    assert set(stormcell._HOMES) == set(stormcell.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = stormcell.no_such_name


def _run(code: str, folder) -> str:
    return subprocess.run([*PYTHON, "-c", code], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_import_stays_light(tmp_path):
    heavy = "{'numpy', 'torch', 'xarray', 'pandas', 'matplotlib', 'rasterio', 'typer', 'cv2'}"
    assert _run(f"import sys, stormcell; print({heavy} & set(sys.modules))", tmp_path).strip() == "set()"


def test_the_command_line_loads_nothing_heavy_for_help(tmp_path):
    heavy = "{'numpy', 'torch', 'xarray', 'pandas', 'matplotlib', 'rasterio', 'cv2'}"
    code = (
        f"import sys; from stormcell.cli import app; app(['nowcast', '--help'], standalone_mode=False); print({heavy} & set(sys.modules))"
    )
    assert _run(code, tmp_path).strip().endswith("set()")


def test_a_classical_nowcast_never_imports_torch(tmp_path):
    code = """
import sys, stormcell as sc
past = sc.synthetic_storm(4, shape=(64, 64))
sc.write_netcdf(sc.nowcast(past, method="advection", lead="10min"), "out.nc")
print("torch" in sys.modules)
"""
    assert _run(code, tmp_path).strip() == "False"


def test_the_command_with_a_classical_method_never_imports_torch(tmp_path):
    code = """
import sys, stormcell as sc
from stormcell.cli import app
from stormcell.data.readers.odim import write_odim
write_odim(sc.synthetic_storm(4, shape=(64, 64)), "radar")
app(["nowcast", "radar", "--method", "advection", "--lead", "10min", "-o", "out.nc"], standalone_mode=False)
print("torch" in sys.modules)
"""
    assert _run(code, tmp_path).strip().endswith("False")


def test_the_command_has_the_same_default_method():
    from inspect import signature

    from stormcell.cli.nowcast import nowcast as command
    from stormcell.methods.nowcast import DEFAULT_METHOD

    assert signature(command).parameters["method"].default == DEFAULT_METHOD == "guided"
