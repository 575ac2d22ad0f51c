"""Fields come back as they were written, from a folder, from memory and from object storage."""

import numpy as np
import pytest
import xarray as xr

from stormcell.errors import ReadError, StormcellError, WriteError
from stormcell.frames import grid_of
from stormcell.methods import method_named
from stormcell.service.fields import FieldStore
from stormcell.timeline import minutes
from tests.conftest import frames_of


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request, tmp_path) -> FieldStore:
    if request.param == "s3":
        return FieldStore(f"s3://rain/{tmp_path.name}", endpoint=request.getfixturevalue("s3_endpoint"))
    return FieldStore(str(tmp_path / "fields") if request.param == "folder" else f"memory://{tmp_path.name}")


@pytest.fixture
def forecast() -> xr.Dataset:
    past = frames_of(np.random.default_rng(0).gamma(1, 2, (3, 600, 20)).astype(np.float32))
    past.values[:, :4] = np.nan
    return method_named("advection")(past, minutes(5, 15, step=5)).isel(member=0).to_dataset(name="rain_rate")


def test_what_is_written_comes_back(store, forecast):
    key = store.write(forecast, kind="forecast")
    back = store.read(key)
    np.testing.assert_array_equal(back["rain_rate"].values, forecast["rain_rate"].values)
    assert back["rain_rate"].dtype == np.float32 and np.isnan(back["rain_rate"].values).any()
    np.testing.assert_array_equal(back["lead_time"].values, forecast["lead_time"].values)
    assert grid_of(back["rain_rate"]).same_as(grid_of(forecast["rain_rate"])) and back["rain_rate"].attrs["units"] == "mm h-1"


def test_a_large_grid_is_kept_in_pieces_in_one_file(store, forecast, monkeypatch):
    monkeypatch.setattr("stormcell.service.fields._WHOLE_PIXELS", 5_000)
    back = store.read(store.write(forecast, kind="forecast"))
    assert back["rain_rate"].encoding["chunks"] == (1, 512, 20) and back["rain_rate"].encoding["shards"] == (1, 1024, 20)
    np.testing.assert_array_equal(back["rain_rate"].values, forecast["rain_rate"].values)


def test_keys_are_made_here_and_never_twice(store, forecast):
    keys = [store.write(forecast, kind="forecast") for _ in range(3)]
    assert len(set(keys)) == 3 and set(store.keys()) == set(keys) and all(key.startswith("forecast-") for key in keys)
    assert 1000 < store.size(keys[0]) < forecast["rain_rate"].nbytes * 1.2


def test_removed_is_gone(store, forecast):
    key = store.write(forecast, kind="forecast")
    store.remove(key)
    store.remove(key)
    assert list(store.keys()) == []
    with pytest.raises(ReadError, match=key):
        store.read(key)


def test_a_key_is_no_path(store, tmp_path):
    (tmp_path / "other").mkdir()
    for key in ("../other", ".", "a/b"):
        with pytest.raises(WriteError, match="no key"):
            store.remove(key)
    assert (tmp_path / "other").is_dir()


def test_an_empty_store_has_no_keys(store):
    assert list(store.keys()) == []


def test_a_storage_that_is_down_is_an_error(forecast):
    store = FieldStore("s3://rain/live", endpoint="http://127.0.0.1:9")
    with pytest.raises(WriteError, match="cannot be written"):
        store.write(forecast, kind="forecast")


def test_other_storage_is_refused():
    with pytest.raises(StormcellError, match="expected a folder or an address s3"):
        FieldStore("https://example.org/fields")
