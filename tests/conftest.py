"""What many tests share: a small storm, and real radar data where this machine has them."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import settings

from stormcell.frames import make_frames
from stormcell.grid import Grid
from tests.strict import PYTHON

# A loaded machine is slow, which is no fault of the code; where a run decides over a change, it must not depend on luck.
# "thorough" is for `make test-slow`: many examples of each property, others at every run.
settings.register_profile("here", deadline=None, derandomize="CI" in os.environ, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=400)
settings.load_profile("here")

_DATA = Path(os.environ.get("STORMCELL_TEST_DATA", Path(__file__).parents[2] / "shared" / "radar"))


def pytest_configure(config: pytest.Config) -> None:
    """Processes of the tests let the same warnings pass as the tests themselves, without a word: what they print is looked at."""
    passing = [given.replace("default", "ignore", 1) for given in config.getoption("pythonwarnings") or []]
    PYTHON.extend(word for given in passing for word in ("-W", given))


@pytest.fixture(scope="session")
def radar_data() -> Path:
    """The folder of real radar data; the test is skipped where it is not."""
    if not (_DATA / "events").is_dir():
        pytest.skip(f"no radar data at {_DATA}: set STORMCELL_TEST_DATA to a folder that holds events/")
    return _DATA


@pytest.fixture
def grid() -> Grid:
    """3 rows of 4 pixels of 1 km in the Swiss grid."""
    return Grid.from_edges("EPSG:21781", west=600_000.0, north=200_000.0, pixel=(1000.0, 1000.0), shape=(3, 4))


def stamps(*minutes: float) -> np.ndarray:
    """Times so many minutes after noon of a day."""
    return np.datetime64("2024-07-01T12:00", "ns") + (np.array(minutes) * 60e9).astype("timedelta64[ns]")


def frames_of(values: np.ndarray, *, step: float = 5.0) -> xr.DataArray:
    """Frames of these values on a 1 km grid, `step` minutes apart."""
    values = np.asarray(values, np.float32)
    where = Grid.from_edges("EPSG:21781", west=600_000.0, north=200_000.0, pixel=(1000.0, 1000.0), shape=values.shape[1:])
    return make_frames(values, stamps(*(step * index for index in range(len(values)))), where)


@pytest.fixture(scope="session")
def storm() -> xr.DataArray:
    """A synthetic storm of 10 frames, 128 x 128 pixels."""
    from stormcell.data.synthetic import synthetic_storm

    return synthetic_storm(10, shape=(128, 128), seed=3)
