"""Who listens is told within about a second; one look at the database serves all."""

import asyncio
import json
import threading

import httpx2 as httpx
import pytest
import uvicorn

from stormcell.service.app import create_app
from stormcell.service.database import PublishedForecast
from stormcell.service.problems import Problem
from tests.service.web.published import NOW, publish_forecasts, publish_scan, settings_at


def test_what_is_newest_then_what_is_new(tmp_path):
    settings = settings_at(tmp_path)
    publish_scan(settings, 4), publish_forecasts(settings, 4)
    web = create_app(settings, clock=lambda: NOW).state.web

    async def listen(wanted: int) -> list[str]:
        found = []
        async for one in web.events.listen():
            found.append(one.method if isinstance(one, PublishedForecast) else "scan")
            if len(found) == wanted:
                break
        return found

    async def run() -> list[list[str]]:
        tasks = [asyncio.create_task(listen(6)) for _ in range(3)]
        await asyncio.sleep(0.3)
        assert web.events.listeners == 3
        await asyncio.to_thread(publish_scan, settings, 5)
        await asyncio.to_thread(publish_forecasts, settings, 5)
        return await asyncio.wait_for(asyncio.gather(*tasks), 10)

    for found in asyncio.run(run()):
        assert found == ["scan", "advection", "steps", "scan", "advection", "steps"]


def test_too_many_listeners_and_the_end(published):
    web = create_app(published.model_copy(update={"event_clients": 1}), clock=lambda: NOW).state.web

    async def run() -> None:
        first = web.events.listen()
        await anext(first)
        with pytest.raises(Problem) as caught:
            await anext(web.events.listen())
        assert caught.value.status == 503
        web.events.close()
        assert [one async for one in first][-1].method == "steps"
        assert web.events.listeners == 0

    asyncio.run(run())


def test_over_a_socket(published):
    server = uvicorn.Server(
        uvicorn.Config(create_app(published, clock=lambda: NOW), port=0, log_level="warning", timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            pass
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client, client.stream("GET", "/v1/events") as answer:
            assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["x-content-type-options"] == "nosniff" and "no-" in answer.headers["cache-control"]
            events, data = [], {}
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    events.append(line.removeprefix("event: "))
                if line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                if line == "" and len(events) == 3:
                    break
            assert events == ["scan", "forecast", "forecast"] and data["method"] == "steps" and data["data"]["age_minutes"] == 2
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()
