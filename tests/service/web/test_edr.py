"""OGC API - EDR: what clients of the standard find, and values that are those of the fields."""

import numpy as np
import pytest

from stormcell.errors import FramesError
from stormcell.frames import grid_of
from stormcell.service.places import pixel_at
from stormcell.service.wkt import parse_point, parse_polygon
from tests.service.web.published import CENTRE, LEADS, REFERENCE, SCANS, STORM

POINT = "POINT(9.8 55.2)"
POLYGON = "POLYGON((9.7 55.1, 9.9 55.1, 9.9 55.3, 9.7 55.3, 9.7 55.1))"
INSTANCE = f"{REFERENCE}Z".replace("-", "").replace(":", "")


def path_of(link: str) -> str:
    return link.removeprefix("http://testserver")


def test_every_link_leads_somewhere(client):
    landing = client.get("/v1/edr").json()
    assert {link["rel"] for link in landing["links"]} == {"self", "service-desc", "conformance", "data"}
    for link in landing["links"]:
        assert client.get(path_of(link["href"])).status_code == 200
    assert any(one.endswith("ogcapi-edr-1/1.1/conf/core") for one in client.get("/v1/edr/conformance").json()["conformsTo"])
    found = client.get("/v1/edr/collections").json()["collections"]
    assert [one["id"] for one in found] == ["observed", "forecast-advection", "forecast-steps"]
    for one in found:
        assert client.get(path_of(one["links"][0]["href"])).json() == one
        west, south, east, north = one["extent"]["spatial"]["bbox"][0]
        assert west < 9.8 < east and south < 55.2 < north and one["crs"] == ["CRS84"] and one["output_formats"] == ["CoverageJSON"]
        for name, query in one["data_queries"].items():
            params = {"position": {"coords": POINT}, "area": {"coords": POLYGON}, "cube": {"bbox": "9.7,55.1,9.9,55.3"}}.get(name)
            assert client.get(path_of(query["link"]["href"]), params=params).status_code == 200


def test_a_position_is_a_series(client):
    answer = client.get("/v1/edr/collections/forecast-advection/position", params={"coords": POINT})
    assert answer.headers["content-type"] == "application/vnd.cov+json"
    body = answer.json()
    assert (
        body["type"] == "Coverage" and body["domain"]["domainType"] == "PointSeries" and len(body["domain"]["axes"]["t"]["values"]) == LEADS
    )
    row, column = pixel_at(grid_of(STORM), **CENTRE)
    np.testing.assert_allclose(body["ranges"]["rain_rate"]["values"], STORM.values[SCANS:, row, column], atol=1e-4)
    assert body["ranges"]["rain_rate"]["shape"] == [LEADS] and body["stormcell"]["data"] == {
        "time": f"{REFERENCE}Z",
        "age_minutes": 2,
        "stale": False,
    }
    scans = client.get("/v1/edr/collections/observed/position", params={"coords": POINT}).json()
    np.testing.assert_allclose(scans["ranges"]["rain_rate"]["values"], STORM.values[:SCANS, row, column], atol=1e-4)


def test_an_ensemble_has_more_parameters(client):
    path = "/v1/edr/collections/forecast-steps/position"
    body = client.get(path, params={"coords": POINT}).json()
    assert {"rain_rate", "probability_of_0.1", "rain_rate_quantile_0.5"} < set(body["ranges"]) == set(body["parameters"])
    assert all(0 <= value <= 1 for value in body["ranges"]["probability_of_0.1"]["values"])
    one = client.get(path, params={"coords": POINT, "parameter-name": "rain_rate_quantile_0.9"}).json()
    assert list(one["ranges"]) == ["rain_rate_quantile_0.9"]
    assert client.get(path, params={"coords": POINT, "parameter-name": "snow"}).status_code == 422


def test_elsewhere_is_null_with_the_reason(client):
    body = client.get("/v1/edr/collections/observed/position", params={"coords": "POINT(-60 10)"}).json()
    assert body["stormcell"]["reason"] == "outside_the_grid" and set(body["ranges"]["rain_rate"]["values"]) == {None}


def test_a_cube_has_the_pixel_under_each_cell(client):
    body = client.get("/v1/edr/collections/forecast-advection/cube", params={"bbox": "9.6,55.0,10.0,55.4"}).json()
    axes, values = body["domain"]["axes"], body["ranges"]["rain_rate"]
    shape = [LEADS, axes["y"]["num"], axes["x"]["num"]]
    assert values["shape"] == shape and body["domain"]["domainType"] == "Grid"
    field = np.array(values["values"], float).reshape(shape)
    lons, lats = (np.linspace(axes[name]["start"], axes[name]["stop"], axes[name]["num"]) for name in "xy")
    assert lats[0] > lats[-1] and 0.8 < (lats[0] - lats[1]) * 111.2 < 1.2
    for row, lat in enumerate(lats[::7]):
        for column, lon in enumerate(lons[::7]):
            pixel = pixel_at(grid_of(STORM), lat=lat, lon=lon)
            np.testing.assert_allclose(field[:, 7 * row, 7 * column], STORM.values[(slice(SCANS, None), *pixel)], atol=1e-4)


def test_an_area_is_null_outside_the_polygon(client):
    triangle = "POLYGON((9.6 55.0, 10.0 55.0, 9.6 55.4, 9.6 55.0))"
    body = client.get("/v1/edr/collections/forecast-advection/area", params={"coords": triangle, "datetime": f"{REFERENCE}Z/.."}).json()
    values = np.array(body["ranges"]["rain_rate"]["values"], float).reshape(body["ranges"]["rain_rate"]["shape"])
    assert 0.45 < np.isfinite(values[0]).mean() < 0.55
    assert np.isfinite(values[0, -2, 1]) and np.isnan(values[0, 1, -2])


def test_times_and_instances(client):
    third = f"{STORM['time'].values[2].astype('datetime64[s]')}Z"
    path = "/v1/edr/collections/observed/position"
    for when, count in ((third, 1), (f"{third}/..", SCANS - 2), (f"../{third}", 3), (f"/{third}", 3), (f"{third}/{third}", 1)):
        body = client.get(path, params={"coords": POINT, "datetime": when}).json()
        assert len(body["domain"]["axes"]["t"]["values"]) == count, when
    for when, status in (("1999-01-01T00:00:00Z", 404), ("soon", 422), ("..", 422), ("a/b/c", 422), ("0001-01-01T00:00:00+14:00", 422)):
        assert client.get(path, params={"coords": POINT, "datetime": when}).status_code == status, when
    listed = client.get("/v1/edr/collections/forecast-steps/instances").json()["instances"]
    assert [one["id"] for one in listed] == [INSTANCE]
    assert client.get(f"/v1/edr/collections/forecast-steps/instances/{INSTANCE}").json() == listed[0]
    for name, params in (("position", {"coords": POINT}), ("area", {"coords": POLYGON}), ("cube", {"bbox": "9.7,55.1,9.9,55.3"})):
        newest = client.get(f"/v1/edr/collections/forecast-steps/{name}", params=params).json()
        assert client.get(f"/v1/edr/collections/forecast-steps/instances/{INSTANCE}/{name}", params=params).json() == newest
    assert client.get("/v1/edr/collections/forecast-steps/instances/19990101T000000Z").status_code == 404
    assert client.get("/v1/edr/collections/observed/instances").status_code == 404
    assert client.get(f"/v1/edr/collections/observed/instances/{INSTANCE}").status_code == 404


@pytest.mark.parametrize("collection", ["nothing", "forecast-", "forecast-magic", "steps", ".."])
def test_collections_there_are_not(client, collection):
    assert client.get(f"/v1/edr/collections/{collection}/position", params={"coords": POINT}).status_code == 404


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("position", {}),
        ("position", {"coords": "POINT(999 0)"}),
        ("position", {"coords": POINT, "crs": "EPSG:3857"}),
        ("position", {"coords": POINT, "f": "GRIB"}),
        ("area", {"coords": POINT}),
        ("area", {"coords": "POLYGON((9.7 55.1, 9.9 55.1, 9.7 55.1))"}),
        ("area", {"coords": "POLYGON((-60 10, -59 10, -59 11, -60 10))"}),
        ("cube", {"bbox": "-60,10,-59,11"}),
        ("cube", {"bbox": "1,2,3"}),
    ],
)
def test_questions_that_are_none(client, query, params):
    assert client.get(f"/v1/edr/collections/observed/{query}", params=params).status_code == 422


def test_before_the_first_scan(tmp_path):
    from fastapi.testclient import TestClient

    from stormcell.service.app import create_app
    from tests.service.web.published import settings_at

    with TestClient(create_app(settings_at(tmp_path))) as client:
        assert client.get("/v1/edr").status_code == 200 and client.get("/v1/edr/collections").status_code == 503
        assert client.get("/v1/edr/collections/observed/position", params={"coords": POINT}).status_code == 503


def test_well_known_text():
    assert parse_point(" point ( -8.5  47 ) ") == (-8.5, 47.0)
    assert parse_polygon("POLYGON((0 0,1 0,1 1,0 0),(0.1 0.1 , 0.2 0.1, 0.2 0.2, 0.1 0.1))")[1][2] == (0.2, 0.2)
    for text in ("POINT(1)", "POINT(1 2 3)", "POINT(nan 0)", "POINT(1e5 0)", "POINT EMPTY", "LINESTRING(0 0, 1 1)", ""):
        with pytest.raises(FramesError, match="coords"):
            parse_point(text)
    for text in ("POLYGON(0 0, 1 1)", "POLYGON(())", "POLYGON((0 0, 1 x))", "POLYGON((0 0)) POLYGON((0 0))", "POLYGON" + "(" * 5000):
        with pytest.raises(FramesError, match="coords"):
            parse_polygon(text)
