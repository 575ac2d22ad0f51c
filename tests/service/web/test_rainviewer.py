"""Clients of RainViewer find what they expect: the list, and tiles where host and path say."""

import numpy as np
import pytest

from tests.service.web.published import LEADS, REFERENCE, SCANS
from tests.service.web.test_tiles import image, key_of


@pytest.fixture
def maps(client):
    return client.get("/public/weather-maps.json").json()


def test_the_list(maps):
    assert maps["version"] == "2.0" and maps["host"] == "http://testserver" and maps["satellite"] == {"infrared": []}
    assert len(maps["radar"]["past"]) == SCANS and len(maps["radar"]["nowcast"]) == LEADS
    times = [one["time"] for one in maps["radar"]["past"] + maps["radar"]["nowcast"]]
    assert set(np.diff(times)) == {300} and maps["radar"]["past"][-1]["time"] == REFERENCE.astype(int)
    assert all(one["path"].startswith("/v2/radar/") and one["path"].count("/") == 3 for one in maps["radar"]["past"])


@pytest.mark.parametrize("ending", ["256/7/67/40/2/1_1.png", "512/7/67/40/8/0_0.webp", "256/7/67/40/0/0_0.png"])
def test_tiles_as_clients_ask_for_them(client, maps, ending):
    past, nowcast = maps["radar"]["past"][-1]["path"], maps["radar"]["nowcast"][1]["path"]
    key = key_of(client)
    size, form = ending[:3], ending.rsplit(".", 1)[1]
    own = image(client.get(f"/v1/tiles/{key}/rain_rate/2/7/67/40.{form}?size={size}&unseen=transparent"))
    np.testing.assert_array_equal(image(client.get(f"{nowcast}/{ending}")), own)
    assert set(np.unique(image(client.get(f"{past}/{ending}"))[..., 3])) == {0, 255}


def test_a_tile_around_a_place(client, maps):
    path = maps["radar"]["past"][-1]["path"]
    around = image(client.get(f"{path}/256/7/55.2/9.8/2/1_1.png"))
    assert (around[..., 3] > 0).any()
    # the corner of four tiles in the middle of a picture shows a quarter of each
    north_west = image(client.get(f"{path}/256/7/66/40/2/1_1.png"))
    lat = np.degrees(2 * np.arctan(np.exp(np.pi * (1 - 2 * 41 / 128))) - np.pi / 2)
    middle = image(client.get(f"{path}/256/7/{lat:.10f}/{67 / 128 * 360 - 180:.10f}/2/1_1.png"))
    assert (middle[:128, :128] == north_west[128:, 128:]).mean() > 0.999


def test_latest_and_times(client, maps):
    newest = maps["radar"]["past"][-1]
    same = image(client.get(f"{newest['path']}/256/7/67/40/2/1_1.png"))
    for name in ("latest", "0", newest["time"]):
        answer = client.get(f"/v2/radar/{name}/256/7/67/40/2/1_1.png")
        np.testing.assert_array_equal(image(answer), same)
        assert answer.headers["cache-control"] == "public, max-age=30"
    coming = maps["radar"]["nowcast"][2]
    by_time = image(client.get(f"/v2/radar/{coming['time']}/256/7/67/40/2/1_1.png"))
    np.testing.assert_array_equal(by_time, image(client.get(f"{coming['path']}/256/7/67/40/2/1_1.png")))


def test_coverage(client):
    shown = image(client.get("/v2/coverage/0/256/7/67/40/0/0_0.png"))
    assert {tuple(colour) for colour in shown.reshape(-1, 4)} <= {(0, 0, 0, 0), (0, 0, 0, 255)}
    assert 0 < (shown[..., 3] > 0).mean() < 1
    assert (image(client.get("/v2/coverage/0/256/4/2/12/0/0_0.png"))[..., 3] == 255).all()


@pytest.mark.parametrize(
    "frame", ["nothing", "1", "99999999999", "latest_1", "..", "{forecast}", "{forecast}_0", "{forecast}_5", "{forecast}_x", "{scan}_1"]
)
def test_frames_there_are_not(client, maps, frame):
    scan = maps["radar"]["past"][0]["path"].rsplit("/", 1)[1]
    answer = client.get(f"/v2/radar/{frame.format(forecast=key_of(client), scan=scan)}/256/7/67/40/2/1_1.png")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "rest",
    [
        "128/7/67/40/2/1_1.png",
        "256/7/128/0/2/1_1.png",
        "256/7/95.0/0.0/2/1_1.png",
        "256/7/-1/0/2/1_1.png",
        "256/7/67/40/2/9.png",
        "256/7/67/40/900/1_1.png",
        "256/7/1e9/2/2/1_1.png",
    ],
)
def test_tiles_there_are_not(client, rest):
    assert client.get(f"/v2/radar/latest/{rest}").status_code in (404, 422)
