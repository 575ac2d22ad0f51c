"""The web service answers honestly: what is known, how old it is, and that nothing is known where nothing is."""

import numpy as np
import pytest
from fastapi.testclient import TestClient

from stormcell.frames import grid_of
from stormcell.service.app import create_app
from stormcell.service.database import Database
from stormcell.service.places import pixel_at
from tests.service.web.published import CENTRE, LEADS, NOW, REFERENCE, SCANS, STORM, publish_forecasts, publish_scan, settings_at
from tests.strict import PYTHON

SQUARE = {"type": "Polygon", "coordinates": [[[9.6, 55.1], [10.0, 55.1], [10.0, 55.3], [9.6, 55.3], [9.6, 55.1]]]}


@pytest.fixture
def empty(tmp_path):
    """A service before its first scan."""
    with TestClient(create_app(settings_at(tmp_path), clock=lambda: NOW)) as client:
        yield client


def test_before_the_first_scan_nothing_is_dry(empty):
    for path in ("/ready", "/v1/point?lat=55.2&lon=9.8", "/v1/forecasts", "/v1/scans", "/v1/forecasts/latest", "/public/weather-maps.json"):
        answer = empty.get(path)
        assert answer.status_code == 503 and answer.headers["content-type"] == "application/problem+json", path
        assert "retry-after" in answer.headers and answer.json()["status"] == 503
    assert empty.post("/v1/area", json=SQUARE).status_code == 503
    assert empty.get("/health").json() == {"status": "up"}
    status = empty.get("/v1/status").json()
    assert status["stale"] and status["newest_scan"] is None and status["bounds"] is None


def test_status_and_lists(client):
    status = client.get("/v1/status").json()
    assert status["methods"] == ["advection", "steps"] and not status["stale"]
    assert status["newest_scan"]["data"] == {"time": f"{REFERENCE}Z", "age_minutes": 2, "stale": False}
    assert [one["method"] for one in status["newest_forecasts"]] == ["advection", "steps"]
    assert status["bounds"][0] < 9.8 < status["bounds"][2] and status["attribution"] == "stormcell synthetic storm"
    assert len(client.get("/v1/scans").json()["scans"]) == SCANS
    assert len(client.get("/v1/forecasts", params={"method": "steps"}).json()["forecasts"]) == 1
    newest = client.get("/v1/forecasts/latest", params={"method": "steps"}).json()
    assert newest["members"] == 5 and newest["lead_minutes"] == [5, 10, 15, 20] and newest["quantiles"] == [0.1, 0.5, 0.9]
    assert client.get(f"/v1/forecasts/{newest['key']}").json() == newest
    assert client.get(f"/v1/scans/{newest['key']}").status_code == 404 and client.get("/v1/forecasts/x").status_code == 404
    assert client.get("/v1/forecasts/latest?method=magic").status_code == 404


def test_lists_by_time(client):
    third = f"{STORM['time'].values[2].astype('datetime64[s]')}Z"
    assert len(client.get("/v1/scans", params={"since": third}).json()["scans"]) == SCANS - 2
    assert len(client.get("/v1/scans", params={"until": third}).json()["scans"]) == 3
    assert len(client.get("/v1/scans", params={"since": third, "limit": 2}).json()["scans"]) == 2
    assert client.get("/v1/scans", params={"since": "0001-01-01T00:00:00+14:00"}).status_code == 422


def test_a_point_has_the_values_of_its_pixel(client):
    answer = client.get("/v1/point", params=CENTRE).json()
    row, column = pixel_at(grid_of(STORM), **CENTRE)
    truth = STORM.values[SCANS - 1 :, row, column]
    assert len(answer["times"]) == 5 * LEADS + 1 and answer["times"][0] == f"{REFERENCE}Z"
    np.testing.assert_allclose(answer["rain_rates"][::5], truth, atol=1e-4)
    np.testing.assert_allclose(answer["rain_rates"][2], truth[0] + 0.4 * (truth[1] - truth[0]), atol=1e-4)
    assert answer["rain_rate"] == pytest.approx(answer["rain_rates"][2], abs=1e-3)
    assert answer["method"] == "advection" and answer["data"]["age_minutes"] == 2 and answer["reason"] is None
    ensemble = answer["ensemble"]
    assert ensemble["method"] == "steps" and ensemble["members"] == 5
    median = next(one for one in ensemble["quantiles"] if one["level"] == 0.5)
    np.testing.assert_allclose(median["rain_rate"], truth[1:], rtol=1e-3, atol=1e-3)
    for one in ensemble["probabilities"]:
        members = truth[1:, None] * np.linspace(0.5, 1.5, 5, dtype=np.float32)
        np.testing.assert_allclose(one["probability"], (members >= np.float32(one["threshold"])).mean(axis=1), atol=1e-3)


def test_beyond_the_grid_and_beyond_the_radar_nothing_is_known(client):
    for place, reason in (({"lat": 10.0, "lon": 9.8}, "outside_the_grid"), (_corner(), "not_seen_by_the_radar")):
        answer = client.get("/v1/point", params=place).json()
        assert answer["reason"] == reason and answer["outlook"] == "unknown" and answer["rain_rate"] is None
        assert set(answer["rain_rates"]) == {None} and answer["starts_in_minutes"] is None and answer["known_minutes"] == 0
        assert set(answer["ensemble"]["quantiles"][0]["rain_rate"]) == {None}


def _corner() -> dict[str, float]:
    """The middle of the pixel in the north-west, which the synthetic radar does not see."""
    from pyproj import Transformer

    grid = grid_of(STORM)
    lon, lat = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True).transform(grid.x[0], grid.y[0])
    return {"lat": lat, "lon": lon}


def test_an_area_has_the_mean_of_its_pixels(client):
    answer = client.post("/v1/area", json=SQUARE).json()
    assert len(answer["mean"]) == LEADS + 1 and answer["pixels"] > 400 and set(answer["known_share"]) == {1.0}
    feature = client.post("/v1/area?method=advection", json={"type": "Feature", "geometry": SQUARE, "properties": {"name": "home"}}).json()
    assert feature == answer
    whole = {"type": "Polygon", "coordinates": [[[9.0, 54.8], [10.6, 54.8], [10.6, 55.6], [9.0, 55.6], [9.0, 54.8]]]}
    answer = client.post("/v1/area", json=whole).json()
    assert answer["pixels"] == STORM[0].size
    np.testing.assert_allclose(answer["mean"], np.nanmean(STORM.values[SCANS - 1 :], axis=(1, 2)), rtol=1e-3)
    np.testing.assert_allclose(answer["maximum"], np.nanmax(STORM.values[SCANS - 1 :], axis=(1, 2)), rtol=1e-3)
    assert 0.6 < answer["known_share"][0] < 0.9


def test_an_area_elsewhere_is_null(client):
    away = {"type": "Polygon", "coordinates": [[[x - 60, y] for x, y in SQUARE["coordinates"][0]]]}
    answer = client.post("/v1/area", json=away).json()
    assert answer["reason"] == "outside_the_grid" and set(answer["mean"]) == {None} and set(answer["known_share"]) == {0.0}


def test_a_polygon_that_is_none_is_refused(client):
    ring = SQUARE["coordinates"][0]
    for coordinates in ([], [[]], [ring[:-1]], [[[1, 2, 3]]], [[["a", "b"]] * 4], [ring * 300], [[[1e300, 0]] * 4], [[[9.8, 95.0]] * 4]):
        assert client.post("/v1/area", json={"type": "Polygon", "coordinates": coordinates}).status_code == 422, coordinates
    assert client.post("/v1/area", json={"type": "Point", "coordinates": [1, 2]}).status_code == 422
    assert client.post("/v1/area", content=b"{", headers={"content-type": "application/json"}).status_code == 422


def test_old_data_are_called_stale_everywhere(published):
    hour = 3600.0
    with TestClient(create_app(published, clock=lambda: NOW + hour)) as client:
        answer = client.get("/ready")
        assert answer.status_code == 503 and "Stale" in answer.json()["detail"]
        assert client.get("/v1/status").json()["stale"]
        point = client.get("/v1/point", params=CENTRE).json()
        assert point["data"] == {"time": f"{REFERENCE}Z", "age_minutes": 62, "stale": True}
        assert point["outlook"] == "over" and point["reason"] == "forecast_is_over" and point["rain_rate"] is None
        assert client.post("/v1/area", json=SQUARE).json()["data"]["stale"]
        assert all(one["data"]["stale"] for one in client.get("/v1/forecasts").json()["forecasts"])
        maps = client.get("/public/weather-maps.json").json()
        assert len(maps["radar"]["past"]) == SCANS and maps["radar"]["nowcast"] == []


def test_data_from_the_future_are_no_better(published):
    with TestClient(create_app(published, clock=lambda: NOW - 7200)) as client:
        assert client.get("/v1/point", params=CENTRE).json()["data"]["stale"] and client.get("/ready").status_code == 503


def test_what_is_new_is_seen_and_what_is_withdrawn_is_gone(tmp_path):
    settings = settings_at(tmp_path)
    now = [NOW]
    app = create_app(settings, clock=lambda: now[0])
    with TestClient(app) as client:
        assert client.get("/ready").status_code == 503
        publish_scan(settings, 4), publish_forecasts(settings, 4)
        app.state.web.catalogue._looked = float("-inf")
        key = client.get("/v1/forecasts/latest").json()["key"]
        publish_scan(settings, 5), publish_forecasts(settings, 5)
        app.state.web.catalogue._looked = float("-inf")
        assert client.get("/v1/forecasts/latest").json()["key"] != key
        database = Database(settings.database_address)
        database.withdraw([key])
        app.state.web.catalogue._looked = app.state.web.catalogue._read = float("-inf")
        assert client.get(f"/v1/forecasts/{key}").status_code == 404
        database.close()


def test_a_field_that_is_gone_from_the_storage_is_no_internal_error(tmp_path, caplog):
    settings = settings_at(tmp_path)
    publish_scan(settings, 5), publish_forecasts(settings, 5)
    with TestClient(create_app(settings, clock=lambda: NOW)) as client:
        import shutil

        shutil.rmtree(settings.fields_address)
        answer = client.get("/v1/point", params=CENTRE)
        assert answer.status_code == 503 and str(tmp_path) not in answer.text and "sqlite" not in answer.text
        assert str(tmp_path) in caplog.text


def test_colours_for_legends(client):
    colours = client.get("/v1/colours").json()
    assert colours["rain_rate"]["classes"][0] == {"at_least": 0.1, "label": "0.1", "colour": "#cbe6f2"}
    assert colours["minutes"]["classes"][-1]["at_least"] is None and colours["probability"]["not_seen"].startswith("#")


def test_counts_for_prometheus(client):
    client.get("/v1/point", params=CENTRE), client.get("/nowhere"), client.get("/v1/scans/nothing")
    text = client.get("/metrics").text
    assert 'stormcell_http_requests_total{method="GET",route="/v1/point",status="200"} 1.0' in text
    assert 'route="/v1/scans/{key}",status="404"' in text and "nowhere" not in text
    assert 'stormcell_forecast_age_seconds{method="advection"} 130.0' in text and "stormcell_scan_age_seconds 130.0" in text


def test_an_answer_that_the_client_has_is_not_sent_again(client):
    first = client.get("/v1/point", params=CENTRE)
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/v1/point", params=CENTRE, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == first.headers["etag"]
    assert client.get("/v1/status", headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_web_service_never_loads_torch_or_matplotlib(published, tmp_path):
    import subprocess

    code = (
        "import sys; from stormcell.service.app import create_app; from stormcell.service.settings import ServiceSettings;"
        f"create_app(ServiceSettings.model_validate_json({published.model_dump_json()!r}));"
        "print({'torch', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([*PYTHON, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
