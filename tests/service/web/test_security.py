"""What passes and what does not, and what every answer carries."""

import asyncio
import json
import logging

import pytest
from fastapi.testclient import TestClient
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from stormcell.errors import ConfigError, StormcellError
from stormcell.service.app import create_app
from stormcell.service.keys import hash_key, new_key
from stormcell.service.problems import STATUSES
from stormcell.service.security import BODY_BYTES
from tests.service.web.published import CENTRE, NOW
from tests.service.web.test_app import SQUARE


def add(app, path: str, endpoint) -> None:
    """One more route, before the page that answers whatever is left."""
    app.router.routes.insert(0, Route(path, endpoint))


def client_of(settings, **more) -> TestClient:
    return TestClient(create_app(settings.model_copy(update=more), clock=lambda: NOW), raise_server_exceptions=False)


@pytest.mark.parametrize("path", ["/health", "/v1/status", "/v1/point?lat=200", "/nowhere", "/v1/openapi.json", "/metrics"])
def test_headers_of_every_answer(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"] and "unsafe" not in headers["content-security-policy"]
    assert "server" not in headers and headers["x-frame-options"] == "DENY"


def test_pages_may_load_scripts_from_here_only(published):
    app = create_app(published)

    async def page(request):
        return HTMLResponse("<p>map</p>")

    add(app, "/page", page)
    policy = TestClient(app).get("/page").headers["content-security-policy"]
    assert "script-src 'self'" in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy


def test_keys(published):
    key = new_key()
    with client_of(published, api_keys=(hash_key(key),)) as client:
        refused = client.get("/v1/status")
        assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer" and "key" in refused.json()["detail"]
        for headers in (
            {"X-API-Key": "wrong"},
            {"Authorization": f"Basic {key}"},
            {"Authorization": "Bearer "},
            {"X-API-Key": b"\xff\xfe"},
        ):
            assert client.get("/v1/status", headers=headers).status_code == 401
        for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            for _ in range(2):
                assert client.get("/v1/status", headers=headers).status_code == 200
        assert (
            client.get("/metrics").status_code == 401
            and client.get("/health").status_code == 200
            and client.get("/ready").status_code == 200
        )
        assert client.get("/").status_code == 200, "the page has no data; it asks for the key"
        assert client.get("/assets/../v1/status").status_code in (401, 404)
        scan = client.get("/v1/scans", headers={"X-API-Key": key}).json()["scans"][0]["key"]
        tile = client.get(f"/v1/tiles/{scan}/rain_rate/0/7/67/40.png", headers={"X-API-Key": key})
        assert tile.headers["cache-control"].startswith("private")


def test_keys_that_are_not_hashed_are_no_settings(published):
    with pytest.raises(ConfigError, match="hash"):
        create_app(published.model_copy(update={"api_keys": ("secret",)}))


def test_too_many_requests(published):
    with client_of(published, requests_per_second=0.5, request_burst=3) as client:
        answers = [client.get("/v1/status") for _ in range(4)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 2 and answers[-1].headers["content-type"] == "application/problem+json"
        assert client.get("/health").status_code == 200


def test_an_ipv6_client_is_its_network():
    from stormcell.service.security import _client

    assert _client("2001:db8:0:1::5") == _client("2001:db8:0:1:ffff::9") != _client("2001:db8:0:2::5")
    assert (_client("192.0.2.1"), _client("testclient"), _client("fe80::1%eth0")) == ("192.0.2.1", "testclient", "fe80::/64")
    assert _client("a:b") == "a:b"


def test_a_wrong_key_costs_more(published):
    with client_of(published, api_keys=(hash_key(new_key()),), requests_per_second=0.1, request_burst=45) as client:
        codes = [client.get("/v1/status", headers={"X-API-Key": f"guess {number}"}).status_code for number in range(4)]
        assert codes == [401, 401, 429, 429]


@pytest.mark.parametrize("value", ["%0C6", "6%20", "+6", "%C2%A06"])
def test_blanks_are_no_part_of_a_number(client, value):
    refused = client.get(f"/v1/scores?hours={value}")
    assert refused.status_code == 400 and "blanks" in refused.json()["detail"]
    assert client.get("/v1/scores?hours=6").status_code == 200


def test_large_bodies(client):
    large = {**SQUARE, "more": "x" * BODY_BYTES}
    assert client.post("/v1/area", json=large).status_code == 413
    chunks = (b"x" * 65536 for _ in range(8))
    assert client.post("/v1/area", content=chunks, headers={"content-type": "application/json"}).status_code == 413
    for length in ("-1", "many", "9" * 40):
        assert client.post("/v1/area", content=b"{}", headers={"content-length": length}).status_code == 413


def test_too_many_at_once(published):
    """Requests that hang take the places."""
    app = create_app(published.model_copy(update={"concurrency": 2}), clock=lambda: NOW)
    inside, go = asyncio.Event(), asyncio.Event()

    async def hang(request):
        inside.set()
        await go.wait()
        return Response()

    add(app, "/hang", hang)

    async def status(path: str) -> int:
        found = []

        async def send(message):
            if message["type"] == "http.response.start":
                found.append(message["status"])

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [],
            "scheme": "http",
        }
        await app(
            scope | {"client": ("1.2.3.4", 5), "server": ("test", 80), "http_version": "1.1", "asgi": {"version": "3.0"}}, receive, send
        )
        return found[0]

    async def run() -> None:
        hanging = [asyncio.create_task(status("/hang")) for _ in range(2)]
        await asyncio.wait_for(inside.wait(), 10)
        assert await status("/v1/status") == 503 and await status("/health") == 200
        go.set()
        assert await asyncio.gather(*hanging) == [200, 200]
        assert await status("/v1/status") == 200

    asyncio.run(run())


def test_other_origins(published):
    origin = {"Origin": "https://example.org"}
    with client_of(published) as client:
        assert "access-control-allow-origin" not in client.get("/v1/status", headers=origin).headers
    with client_of(published, cors_origins=("https://example.org",)) as client:
        assert client.get("/v1/status", headers=origin).headers["access-control-allow-origin"] == "https://example.org"
        assert "access-control-allow-origin" not in client.get("/v1/status", headers={"Origin": "https://evil.example"}).headers
        ask = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        assert client.options("/v1/area", headers=ask).status_code == 200


def test_head_is_get_without_the_body(client):
    got, head = client.get("/v1/colours"), client.head("/v1/colours")
    assert head.status_code == 200 and head.content == b"" and head.headers["content-type"] == got.headers["content-type"]
    assert client.head("/v1/events").status_code in (404, 405), "it has no end"
    assert client.delete("/v1/colours").status_code in (404, 405) and client.post("/v1/colours").status_code in (404, 405)


def test_json_is_compressed_and_images_are_not(client):
    answer = client.get("/v1/point", params=CENTRE, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip" and answer.headers["vary"] == "Accept-Encoding"
    path = client.get("/public/weather-maps.json").json()["radar"]["past"][-1]["path"]
    assert "content-encoding" not in client.get(f"{path}/512/7/67/40/2/1_1.png", headers={"Accept-Encoding": "gzip"}).headers
    key = path.rsplit("/", 1)[1]
    assert "content-encoding" not in client.get(f"/v1/fields/{key}/netcdf", headers={"Accept-Encoding": "gzip"}).headers


def test_every_error_of_stormcell_has_a_status():
    import stormcell.errors

    kinds = {one for one in vars(stormcell.errors).values() if isinstance(one, type) and issubclass(one, StormcellError)}
    assert set(STATUSES) == kinds and all(400 <= status <= 503 for status in STATUSES.values())


def test_what_breaks_inside_stays_inside(published, caplog):
    app = create_app(published, clock=lambda: NOW)

    async def broken(request):
        raise RuntimeError("the secret of the house")

    async def away(request):
        raise StormcellError("postgresql://user@host: connection refused")

    add(app, "/broken", broken), add(app, "/away", away)
    with TestClient(app, raise_server_exceptions=False) as client, caplog.at_level(logging.ERROR):
        for path, status in (("/broken", 500), ("/away", 503)):
            answer = client.get(path)
            assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
            assert "secret" not in answer.text and "postgresql" not in answer.text and "Traceback" not in answer.text
            assert answer.headers["x-content-type-options"] == "nosniff"
    assert "the secret of the house" in caplog.text and "connection refused" in caplog.text


def test_what_is_wrong_is_named_and_not_repeated(client):
    answer = client.get("/v1/point", params={"lat": "<script>", "lon": "5"})
    assert answer.status_code == 422 and answer.json()["errors"][0]["where"] == ["query", "lat"] and "script" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/v1/point?lat=1e309&lon=0",
        "/v1/point?lat=&lon=",
        "/v1/point?lat=1&lat=2&lon=3&lon=4",
        "/v1/scores?hours=inf",
        "/v1/scores?hours=1e99",
        "/v1/forecasts?limit=0",
        "/v1/forecasts?limit=99999999999999999999999",
        "/v1/forecasts?since=yesterday",
        "/v1/forecasts?since=9999-12-31T23:59:59-14:00",
        "/v1/forecasts?method=%00",
        "/v1/scans/%ff%fe",
        "/v1/fields/x/netcdf?bbox=1,2,3,4",
        "/v2/radar/%2e%2e/256/1/0/0/2/1_1.png",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/v1/" + "a" * 8000,
    ],
)
def test_odd_requests_are_no_internal_errors(published, path):
    with client_of(published) as client:
        answer = client.get(path)
        assert answer.status_code < 500 and "Traceback" not in answer.text
        if answer.status_code >= 400:
            json.loads(answer.text)
