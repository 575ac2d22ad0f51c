"""From what an experiment names to samples."""

import numpy as np
import pytest

from stormcell.config import DataConfig, DisturbanceConfig, OtherArchive
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


def test_other_archives_and_disturbances(storm, tmp_path):
    train, other = stored(storm, tmp_path / "a.zarr"), stored(synthetic_storm(8, shape=(80, 80), seed=5), tmp_path / "b.zarr")
    plain = DataConfig(train=train, validation=train, past=2, future=2, validation_cover=0.0)
    mixed = plain.model_copy(update={"others": (OtherArchive(archive=other, share=0.5, scales=(2,)),)})
    disturbed = mixed.model_copy(update={"disturb": DisturbanceConfig(gain=1.0)})
    one, two, three = (open_source(data, seed=0).train for data in (plain, mixed, disturbed))
    assert len({one.fingerprint, two.fingerprint, three.fingerprint}) == 3
    drawn = [np.nan_to_num(each.batch(0, 16).values, nan=-1.0) for each in (one, two, three)]
    changed = [(mine != theirs).any(axis=(1, 2, 3)) for mine, theirs in zip(drawn[:-1], drawn[1:], strict=True)]
    assert 4 <= changed[0].sum() <= 12, "about half come from the other archive"
    assert changed[1].all()


def test_others_with_far_larger_pixels_are_refused(storm, tmp_path):
    train = stored(storm, tmp_path / "a.zarr")
    data = DataConfig(train=train, validation=train, past=2, future=2, others=({"archive": train, "share": 0.2, "scales": (4,)},))
    with pytest.raises(FramesError, match="with a scale of 4 has pixels of 4 km .* choose other scales"):
        open_source(data, seed=0)
