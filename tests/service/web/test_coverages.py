"""OGC API - Coverages: the same fields in three formats, parts of them, and what is none."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from stormcell.products.netcdf import read_forecast
from stormcell.service.problems import Problem
from stormcell.service.subset import _AXIS, parse_subset
from tests.service.web.published import LEADS, SCANS, STORM
from tests.service.web.test_downloads import saved

FORECAST = "/v1/edr/collections/forecast-advection"
ENSEMBLE = "/v1/edr/collections/forecast-steps"
SCANS_OF = "/v1/edr/collections/observed"
LAST = f"{STORM['time'].values[SCANS + LEADS - 1].astype('datetime64[s]')}Z"
BEFORE = f"{STORM['time'].values[SCANS + LEADS - 2].astype('datetime64[s]')}Z"


def test_collections_lead_there_and_the_class_is_declared(client):
    links = client.get(FORECAST).json()["links"]
    coverage = [link for link in links if link["rel"] == "http://www.opengis.net/def/rel/ogc/1.0/coverage"]
    assert {link["title"] for link in coverage} == {"netcdf", "geotiff", "coveragejson"}
    for link in coverage:
        answer = client.get(link["href"].removeprefix("http://testserver"))
        assert answer.status_code == 200 and answer.headers["content-type"] == link["type"]
    declared = client.get("/v1/edr/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-coverages-1/1.0/conf/core" in declared


def test_the_schema_names_the_fields(client):
    answer = client.get(f"{ENSEMBLE}/schema")
    assert answer.headers["content-type"] == "application/schema+json"
    properties = answer.json()["properties"]
    assert list(properties)[0] == "rain_rate" and properties["probability_of_0.1"]["x-ogc-unit"] == "1" and len(properties) == 10


def test_a_forecast_and_its_last_times(client, tmp_path):
    whole = read_forecast(saved(client.get(f"{FORECAST}/coverage"), tmp_path / "a.nc"))
    np.testing.assert_array_equal(whole.values[0], STORM.values[SCANS : SCANS + LEADS])
    asked = ({"datetime": f"{BEFORE}/.."}, {"subset": f'time("{BEFORE}":*)'}, {"subset": f'time("{BEFORE}":"{LAST}")'})
    for number, params in enumerate(asked):
        part = read_forecast(saved(client.get(f"{FORECAST}/coverage", params=params), tmp_path / f"{number}.nc"))
        xr.testing.assert_identical(part, whole.isel(lead_time=slice(-2, None)))


def test_a_box_in_three_ways(client, tmp_path):
    asked = ({"bbox": "9.7,55.1,9.9,55.3"}, {"subset": "Lat(55.1:55.3),Lon(9.7:9.9)"}, {"subset": ["Longitude(9.7:9.9)", "lat(55.1:55.3)"]})
    parts = [
        read_forecast(saved(client.get(f"{FORECAST}/coverage", params=params), tmp_path / f"{number}.nc"))
        for number, params in enumerate(asked)
    ]
    assert 0 < parts[0].size < STORM[SCANS:].size / 3
    for part in parts[1:]:
        xr.testing.assert_identical(part, parts[0])
    north = read_forecast(saved(client.get(f"{FORECAST}/coverage", params={"subset": "Lat(55.2:*)"}), tmp_path / "north.nc"))
    assert north.sizes["x"] == STORM.sizes["x"] and 0 < north.sizes["y"] < STORM.sizes["y"]
    place = read_forecast(saved(client.get(f"{FORECAST}/coverage", params={"subset": "Lat(55.2),Lon(9.8)"}), tmp_path / "place.nc"))
    assert place.sizes["x"] * place.sizes["y"] <= 4


def test_scans_over_time(client, tmp_path):
    with xr.open_dataset(saved(client.get(f"{SCANS_OF}/coverage"), tmp_path / "a.nc")) as dataset:
        np.testing.assert_array_equal(dataset["rainfall_rate"].values, STORM.values[:SCANS])


def test_some_fields(client, tmp_path):
    params = {"properties": "probability_of_0.5,rain_rate_quantile_0.9"}
    with xr.open_dataset(saved(client.get(f"{ENSEMBLE}/coverage", params=params), tmp_path / "a.nc"), decode_timedelta=True) as dataset:
        assert dataset["threshold"].values.tolist() == [0.5] and "rainfall_rate" not in dataset
    params |= {"f": "geotiff", "datetime": LAST}
    with MemoryFile(client.get(f"{ENSEMBLE}/coverage", params=params).content) as memory, memory.open() as file:
        assert file.count == 2 and file.descriptions[0] == f"probability of 0.5 mm/h or more, valid {LAST}"


def test_the_format_may_be_negotiated(client):
    for accept, kind in (
        ("text/html, application/vnd.cov+json;q=0.9", "application/vnd.cov+json"),
        ("image/tiff", "image/tiff; application=geotiff"),
        ("*/*", "application/x-netcdf"),
    ):
        answer = client.get(f"{FORECAST}/coverage", headers={"Accept": accept})
        assert answer.headers["content-type"] == kind
    body = client.get(f"{FORECAST}/coverage?f=coveragejson").json()
    cube = client.get(f"{FORECAST}/cube", params={"bbox": ",".join(map(str, client.get("/v1/status").json()["bounds"]))}).json()
    assert body["domain"]["domainType"] == "Grid" and body["ranges"]["rain_rate"]["shape"] == cube["ranges"]["rain_rate"]["shape"]


def test_what_the_client_has(client):
    tag = client.get(f"{FORECAST}/coverage").headers["etag"]
    assert client.get(f"{FORECAST}/coverage", headers={"If-None-Match": tag}).status_code == 304
    assert client.get(f"{FORECAST}/coverage?f=geotiff", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"subset": "height(3)"}, 400),
        ({"subset": "Lat(3"}, 400),
        ({"subset": 'Lat("3")'}, 400),
        ({"subset": "Lat(56:55)"}, 400),
        ({"subset": "time(5)"}, 400),
        ({"subset": "Lat(55.1:55.2),Lat(55.2)"}, 400),
        ({"subset": "Lat(55.1:55.2)", "bbox": "9.7,55.1,9.9,55.3"}, 400),
        ({"subset": f'time("{LAST}")', "datetime": LAST}, 400),
        ({"subset": "Lat(1:2)"}, 404),
        ({"subset": 'time("1999-01-01T00:00:00Z")'}, 404),
        ({"subset": 'time("soon")'}, 422),
        ({"bbox": "1,2,3,4"}, 422),
        ({"properties": "snow"}, 422),
        ({"f": "grib"}, 422),
    ],
)
def test_questions_that_are_none(client, params, status):
    assert client.get(f"{FORECAST}/coverage", params=params).status_code == status


@given(st.lists(st.text(alphabet='LatLontime(:*)"0123.,- Z', max_size=40) | st.from_regex(_AXIS), max_size=3))
def test_any_subset_is_understood_or_refused(texts):
    try:
        found = parse_subset(texts)
    except Problem as problem:
        assert problem.status == 400
    else:
        for low, high in filter(None, (found.lat, found.lon)):
            assert low is None or high is None or low <= high


def test_a_geotiff_is_of_one_scan(client):
    assert client.get(f"{SCANS_OF}/coverage?f=geotiff").status_code == 422
    time = f"{STORM['time'].values[2].astype('datetime64[s]')}Z"
    with MemoryFile(client.get(f"{SCANS_OF}/coverage?f=geotiff&datetime={time}").content) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(1), STORM.values[2])
