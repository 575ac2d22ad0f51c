"""A wheel, as users get it: installed into an environment of its own, where the source tree is out of reach."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.test_public_surface import MODULES

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DEMO = """
import stormcell as sc
forecast = sc.nowcast(sc.synthetic_storm(4, shape=(64, 64)), lead="10min")
sc.write_netcdf(forecast, "nowcast.nc")
print(sc.__file__, float(forecast.max()) > 0)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(ROOT)], check=True)
    (built,) = folder.glob("stormcell-*.whl")
    return built


@pytest.fixture(scope="module")
def home(wheel, tmp_path_factory) -> Path:
    """An environment with the wheel; the packages it needs are those of this one, of which stormcell is no part: it is an editable one."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run([home / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", str(wheel)], check=True)
    return home


def run(home: Path, folder: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [home / "bin" / words[0], *words[1:]], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_it_carries_pages_models_and_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    inside = {"/".join(name.split("/")[1:]) for name in names}
    assert {f"{module.partition('.')[2].replace('.', '/')}" for module in MODULES} <= {
        name.removesuffix(".py").removesuffix("/__init__") for name in inside
    }
    assert {
        "licenses/LICENSE",
        "py.typed",
        "products/coastlines.npz",
        "models/guided/model.safetensors",
        "models/guided/README.md",
    } <= inside
    if (ROOT / "src/stormcell/service/static/index.html").is_file():
        assert {"service/static/licences.txt", "lab/interactive/built/interactive-licences.txt", "service/static/index.html"} <= inside
    assert not [name for name in names if "node_modules" in name or name.startswith(("tests", "tools", "docs"))]


def test_a_wheel_works_without_the_source(home, tmp_path):
    where, wet = run(home, tmp_path, "python", "-c", DEMO).split()
    assert Path(where).is_relative_to(home) and wet == "True" and (tmp_path / "nowcast.nc").stat().st_size > 1000
    assert "--workers" in run(home, tmp_path, "stormcell", "serve", "--help")
    assert "guided" in run(home, tmp_path, "stormcell", "models", "list")
    run(home, tmp_path, "stormcell", "demo")
    assert list((tmp_path / "demo").rglob("*.nc")) and list((tmp_path / "demo").rglob("*.png"))
