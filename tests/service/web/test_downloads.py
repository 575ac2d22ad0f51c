"""Files hold what was published."""

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.io import MemoryFile
from zarr.storage import ZipStore

from stormcell.frames import grid_of
from stormcell.products.netcdf import read_forecast
from stormcell.service.fields import FieldStore
from tests.service.web.published import LEADS, SCANS, STORM
from tests.service.web.test_tiles import key_of


def saved(answer, path):
    assert answer.status_code == 200, answer.text
    path.write_bytes(answer.content)
    return path


def test_a_forecast_as_netcdf(client, tmp_path):
    answer = client.get(f"/v1/fields/{key_of(client)}/netcdf")
    assert answer.headers["content-type"] == "application/x-netcdf" and "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-disposition"] == 'attachment; filename="rain_20240701T122500Z.nc"'
    forecast = read_forecast(saved(answer, tmp_path / "a.nc"))
    np.testing.assert_array_equal(forecast.values[0], STORM.values[SCANS : SCANS + LEADS])


def test_an_ensemble_brings_its_products(client, tmp_path):
    path = saved(client.get(f"/v1/fields/{key_of(client, 'steps')}/netcdf"), tmp_path / "a.nc")
    with xr.open_dataset(path, decode_timedelta=True) as dataset:
        assert dataset["probability"].dims == ("threshold", "lead_time", "y", "x") and "rainfall_rate_quantile" in dataset
    path = saved(client.get(f"/v1/fields/{key_of(client, 'steps')}/netcdf?ensemble=false"), tmp_path / "b.nc")
    with xr.open_dataset(path, decode_timedelta=True) as dataset:
        assert "probability" not in dataset and "rainfall_rate" in dataset


def test_a_scan_as_netcdf_and_a_part_of_it(client, tmp_path):
    key = client.get("/v1/scans").json()["scans"][0]["key"]
    with xr.open_dataset(saved(client.get(f"/v1/fields/{key}/netcdf"), tmp_path / "a.nc")) as whole:
        np.testing.assert_array_equal(whole["rainfall_rate"].values[0], STORM.values[SCANS - 1])
        with xr.open_dataset(saved(client.get(f"/v1/fields/{key}/netcdf?bbox=9.7,55.1,9.9,55.3"), tmp_path / "b.nc")) as part:
            assert 0 < part["rainfall_rate"].size < whole["rainfall_rate"].size / 3
            np.testing.assert_array_equal(part["rainfall_rate"], whole["rainfall_rate"].sel(x=part["x"], y=part["y"]))


def test_a_geotiff(client):
    answer = client.get(f"/v1/fields/{key_of(client)}/geotiff?step=3")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/tiff"
    with MemoryFile(answer.content) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(1), STORM.values[SCANS + 2])
        assert file.tags()["lead_time_minutes"] == "15" and file.crs == rasterio.CRS.from_wkt(STORM.spatial_ref.attrs["crs_wkt"])


def test_a_scan_as_geotiff(client):
    key = client.get("/v1/scans").json()["scans"][0]["key"]
    with MemoryFile(client.get(f"/v1/fields/{key}/geotiff").content) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(1), STORM.values[SCANS - 1])
        assert file.units == ("mm h-1",) and file.tags()["valid_time"] == "2024-07-01T12:25:00Z" and "lead_time_minutes" not in file.tags()
    assert client.get(f"/v1/fields/{key}/geotiff?quantity=probability").status_code == 404


def test_chances_and_quantiles_as_geotiff(client, published):
    key = key_of(client, "steps")
    stored = FieldStore(published.fields_address).read(key)
    for quantity, variable, count in (("probability", "probability", 6), ("quantile", "rain_rate_quantile", 3)):
        with MemoryFile(client.get(f"/v1/fields/{key}/geotiff?step=2&quantity={quantity}").content) as memory, memory.open() as file:
            assert file.count == count
            np.testing.assert_array_equal(file.read(), stored[variable].values[:, 1])
    one = client.get(f"/v1/fields/{key}/geotiff?step=2&quantity=probability&part=0.5").content
    with MemoryFile(one) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(), stored["probability"].sel(threshold=[0.5]).values[:, 1])
        assert file.descriptions == ("probability of 0.5 mm/h or more, valid 2024-07-01T12:35:00Z",) and file.units == ("1",)
    assert client.get(f"/v1/fields/{key}/geotiff?step=2&quantity=quantile&part=0.77").status_code == 404
    assert client.get(f"/v1/fields/{key_of(client)}/geotiff?step=2&quantity=quantile").status_code == 404


@pytest.mark.parametrize("bbox", ["", "?bbox=9.7,55.1,9.9,55.3"])
def test_zarr_in_a_zip_file(client, tmp_path, published, bbox):
    key = key_of(client, "steps")
    answer = client.get(f"/v1/fields/{key}/zarr{bbox}")
    assert answer.headers["content-type"] == "application/zip" and "content-encoding" not in answer.headers
    with ZipStore(saved(answer, tmp_path / "field.zarr.zip")) as store:
        field = xr.open_zarr(store, consolidated=False, chunks=None, decode_timedelta=True).load()
    stored = FieldStore(published.fields_address).read(key)
    assert set(field.data_vars) == set(stored.data_vars) and (field.sizes["x"] < stored.sizes["x"]) == bool(bbox)
    xr.testing.assert_identical(field["probability"], stored["probability"].sel(x=field["x"], y=field["y"]).load())
    assert grid_of(field["rain_rate"].assign_coords(spatial_ref=field["spatial_ref"])).crs == grid_of(STORM).crs


def test_a_file_that_the_client_has(client):
    path = f"/v1/fields/{key_of(client)}/netcdf?bbox=9.7,55.1,9.9,55.3"
    tag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    "box", ["", "1,2,3", "a,b,c,d", "9.9,55.1,9.7,55.3", "0,0,1,1", "-999,0,999,1", "nan,0,1,1", "9.7,55.1,9.9,1e9", "1..2,3,4,5"]
)
def test_boxes_that_are_none(client, box):
    assert client.get(f"/v1/fields/{key_of(client)}/netcdf", params={"bbox": box}).status_code == 422


def test_steps_there_are_not(client):
    key, scan = key_of(client), client.get("/v1/scans").json()["scans"][0]["key"]
    assert client.get(f"/v1/fields/{key}/geotiff?step=5").status_code == 404
    assert client.get(f"/v1/fields/{key}/geotiff?step=0").status_code == 404
    assert client.get(f"/v1/fields/{key}/geotiff").status_code == 404
    assert client.get(f"/v1/fields/{scan}/geotiff?step=1").status_code == 404
