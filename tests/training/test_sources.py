"""From what an experiment names to samples."""

import pytest

from stormcell.config import DataConfig
from stormcell.data.archive import Archive
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import FramesError
from stormcell.frames import grid_of, step_of
from stormcell.training.sources import open_source


@pytest.fixture(scope="module")
def storm():
    return synthetic_storm(16, shape=(32, 32), seed=2)


def stored(frames, path) -> str:
    with Archive.create(path, grid_of(frames), step_of(frames), start=frames["time"].values[0]) as made:
        made.append(frames)
    return str(path)


def test_two_archives(storm, tmp_path):
    train, validation = stored(storm, tmp_path / "a.zarr"), stored(storm[4:], tmp_path / "b.zarr")
    source = open_source(DataConfig(train=train, validation=validation, past=2, future=2, validation_cover=0.0), seed=0)
    assert (source.windows, source.step_minutes) == (13, 5.0)
    assert len(source.validation) == 3, "windows to validate on share no frame"


def test_a_validation_of_another_time_step_is_refused(storm, tmp_path):
    train, validation = stored(storm, tmp_path / "a.zarr"), stored(storm[::2], tmp_path / "b.zarr")
    with pytest.raises(FramesError, match="a scan every 10 min .* data.train every 5 min"):
        open_source(DataConfig(train=train, validation=validation, past=2, future=2), seed=0)
