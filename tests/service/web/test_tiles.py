"""Map tiles show the class of the pixel under each pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from stormcell.frames import grid_of
from stormcell.products.colours import PROBABILITY, RAIN_COLOURS, RAIN_TABLES, rain_class, rain_rgba
from stormcell.service.mercator import frame_of_tile, pixels_under
from stormcell.service.tiles import NOT_SEEN
from tests.service.web.published import SCANS, STORM

GRID = grid_of(STORM)
Z, X, Y = 7, 67, 40


def image(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def key_of(client, method: str = "advection") -> str:
    return client.get("/v1/forecasts/latest", params={"method": method}).json()["key"]


def expected(values: np.ndarray, size: int = 256) -> np.ndarray:
    """Colours by the colour table for pictures, and the tone where nothing is known."""
    places = pixels_under(GRID, frame_of_tile(Z, X, Y, size))
    under = np.append(values.ravel(), np.nan)[places]
    colours = rain_rgba(under)
    colours[np.isnan(under)] = NOT_SEEN
    return colours


@pytest.mark.parametrize("form", ["png", "webp"])
@pytest.mark.parametrize("size", [256, 512])
def test_a_forecast(client, form, size):
    answer = client.get(f"/v1/tiles/{key_of(client)}/rain_rate/2/{Z}/{X}/{Y}.{form}?size={size}")
    assert answer.headers["content-type"] == f"image/{form}" and answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    shown, wanted = image(answer), expected(STORM.values[SCANS + 1], size)
    assert shown.shape == (size, size, 4)
    np.testing.assert_array_equal(shown[..., 3], wanted[..., 3])
    np.testing.assert_array_equal(shown[wanted[..., 3] > 0], wanted[wanted[..., 3] > 0])
    assert len(set(np.unique(rain_class(STORM.values[SCANS + 1])))) > 5, "the storm should show many classes"


def test_a_scan_and_what_was_not_seen(client):
    scan = client.get("/v1/scans").json()["scans"][0]["key"]
    shown = image(client.get(f"/v1/tiles/{scan}/rain_rate/0/{Z}/{X}/{Y}.png"))
    np.testing.assert_array_equal(shown[..., 3], expected(STORM.values[SCANS - 1])[..., 3])
    clear = image(client.get(f"/v1/tiles/{scan}/rain_rate/0/{Z}/{X}/{Y}.png?unseen=transparent"))
    assert set(np.unique(clear[..., 3])) == {0, 255}
    np.testing.assert_array_equal(clear[..., 3] == 255, shown[..., 3] == 255)
    elsewhere = image(client.get(f"/v1/tiles/{scan}/rain_rate/0/4/2/12.png"))
    assert (elsewhere == NOT_SEEN).all()


@pytest.mark.parametrize("table", RAIN_TABLES)
def test_the_colours_that_are_asked_for_are_those_of_the_legend(client, table):
    scan = client.get("/v1/scans").json()["scans"][0]["key"]
    shown = image(client.get(f"/v1/tiles/{scan}/rain_rate/0/{Z}/{X}/{Y}.webp?table={table}"))
    legend = {one["colour"] for one in client.get(f"/v1/colours?table={table}").json()["rain_rate"]["classes"]}
    rain = {"#" + bytes(colour[:3]).hex() for colour in np.unique(shown[shown[..., 3] == 255], axis=0)}
    assert legend == set(RAIN_TABLES[table].colours) and len(rain) > 5 and rain <= legend
    named = client.get(f"/v1/fields/{scan}/tiles.json?table={table}").json()["tiles"][0]
    assert image(client.get(named.format(z=Z, x=X, y=Y))).tobytes() == shown.tobytes() if table != "stormcell" else "table" not in named


def test_a_probability(client):
    key = key_of(client, "steps")
    shown = image(client.get(f"/v1/tiles/{key}/probability/1/{Z}/{X}/{Y}.png?threshold=0.5"))
    members = STORM.values[SCANS] * np.linspace(0.5, 1.5, 5, dtype=np.float32)[:, None, None]
    chance = np.where(np.isnan(members[0]), np.nan, (members >= 0.5).mean(axis=0))
    places = pixels_under(GRID, frame_of_tile(Z, X, Y, 256))
    classes = np.append(PROBABILITY.classes(chance).ravel(), 255)[places]
    for number, colour in enumerate(PROBABILITY.colours, start=1):
        assert (shown[classes == number] == (*bytes.fromhex(colour[1:]), 255)).all()
    assert (shown[classes == 0][:, 3] == 0).all() and (shown[classes == 255] == NOT_SEEN).all()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("rain_rate/0/7/67/40.png", 404),
        ("rain_rate/1/7/67/40.png?table=jet", 422),
        ("rain_rate/5/7/67/40.png", 404),
        ("rain_rate/1/7/128/40.png", 404),
        ("rain_rate/1/2/3/4.png", 404),
        ("probability/1/7/67/40.png", 404),
        ("rain_rate/1/15/67/40.png", 422),
        ("rain_rate/-1/7/67/40.png", 422),
        ("rain_rate/1/7/67/40.gif", 422),
        ("snow/1/7/67/40.png", 422),
        ("rain_rate/1/7/67/40.png?size=1024", 422),
        ("rain_rate/1/7/a/40.png", 422),
        ("rain_rate/1/7/..%2F..%2Fetc/40.png", 404),
    ],
)
def test_what_there_is_not(client, path, status):
    answer = client.get(f"/v1/tiles/{key_of(client)}/{path}")
    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


def test_thresholds_there_are_not(client):
    answer = client.get(f"/v1/tiles/{key_of(client, 'steps')}/probability/1/7/67/40.png?threshold=0.7")
    assert answer.status_code == 404 and "0.1, 0.5, 1" in answer.json()["detail"]


def test_a_key_is_no_path(client):
    for key in ("..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "observed-1/../../x", "%00"):
        assert client.get(f"/v1/tiles/{key}/rain_rate/1/7/67/40.png").status_code in (404, 422)


def test_a_tile_that_the_client_has(client):
    path = f"/v1/tiles/{key_of(client)}/rain_rate/2/{Z}/{X}/{Y}.png"
    tag = client.get(path).headers["etag"]
    again = client.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 304 and again.headers["etag"] == tag and not again.content
    other = client.get(path.replace("/2/7/", "/3/7/"), headers={"If-None-Match": tag})
    assert other.status_code == 200 and other.headers["etag"] != tag


def test_tilejson_leads_to_tiles(client):
    key = key_of(client, "steps")
    about = client.get(f"/v1/fields/{key}/tiles.json?quantity=probability&threshold=1&step=2").json()
    assert about["tilejson"] == "3.0.0" and about["bounds"][0] < 9.8 < about["bounds"][2] and about["maxzoom"] == 8
    path = about["tiles"][0].replace("http://testserver", "").format(z=Z, x=X, y=Y)
    image(client.get(path))
    assert len(RAIN_COLOURS) < 15, "encode() has four bits for classes"


def test_a_public_address_is_used_in_links(published):
    from fastapi.testclient import TestClient

    from stormcell.service.app import create_app

    settings = published.model_copy(update={"public_url": "https://rain.example.org/radar/"})
    with TestClient(create_app(settings)) as client:
        key = client.get("/v1/scans").json()["scans"][0]["key"]
        assert client.get(f"/v1/fields/{key}/tiles.json").json()["tiles"][0].startswith("https://rain.example.org/radar/v1/tiles/")
        assert client.get("/public/weather-maps.json").json()["host"] == "https://rain.example.org/radar"
