"""What `deploy/` and the clients of `examples/` say is what the service has."""

import json
import re
import runpy
import shutil
import subprocess
import threading
import tomllib
from pathlib import Path

import jinja2
import pytest
import uvicorn
import yaml
from starlette.testclient import TestClient

from stormcell.service.app import create_app
from stormcell.service.intake import Arrivals
from stormcell.service.live import open_workshop, run_and_note
from stormcell.service.settings import MethodSettings, ServiceSettings, read_settings
from tests.service.conftest import arrive
from tests.service.conftest import scans as scans

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def settings(scans, tmp_path_factory) -> ServiceSettings:
    """Of a service that has published something."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "inbox").mkdir()
    methods = (MethodSettings(name="advection"),)
    made = read_settings(environment={}, watch=folder / "inbox", folder=folder / "live", methods=methods, lead="15min", stale_minutes=1e8)
    with open_workshop(made) as workshop:
        for scan in scans[:3]:
            arrive(scan, folder / "inbox")
        assert run_and_note(workshop, Arrivals(folder / "inbox", 0).look(workshop.database)).problems == []
    return made


def test_the_dashboard_asks_for_metrics_that_there_are(settings):
    with TestClient(create_app(settings)) as client:
        client.get("/v1/status")
        there = set(re.findall(r"^(\w+)", client.get("/metrics").text, re.MULTILINE))
    dashboard = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())
    asked = {name for panel in dashboard["panels"] for target in panel["targets"] for name in re.findall(r"stormcell_\w+", target["expr"])}
    assert len(asked) >= 8 and asked <= there


def test_home_assistant_finds_what_it_asks_for(settings):
    configuration = yaml.safe_load((ROOT / "deploy/home-assistant.yaml").read_text())
    (rest,) = configuration["rest"]
    with TestClient(create_app(settings)) as client:
        answer = client.get("/v1/point" + rest["resource"].split("/v1/point")[1])
    assert answer.status_code == 200
    templates = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # text, not HTML
    for sensor in rest["sensor"]:
        for template in (sensor["value_template"], sensor.get("availability", "")):
            templates.from_string(template).render(value_json=answer.json())


def test_a_client_of_rainviewer_gets_its_pictures(settings, tmp_path):
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        example = runpy.run_path(str(ROOT / "examples/rainviewer_client.py"))
        example["pictures"](f"http://127.0.0.1:{port}", "55.2", "9.8", tmp_path / "pictures")
    finally:
        server.should_exit = True
        thread.join()
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert (
        len([name for name in names if name.endswith("past.png")]) == 3
        and len([name for name in names if name.endswith("nowcast.png")]) == 3
    )
    assert all((tmp_path / "pictures" / name).read_bytes().startswith(b"\x89PNG") for name in names)


def test_the_unit_is_one_that_systemd_understands(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd here")
    unit = (ROOT / "deploy/stormcell.service").read_text().replace("/opt/stormcell/.venv/bin/stormcell", "/bin/true")
    (tmp_path / "stormcell.service").write_text(unit)
    done = subprocess.run(["systemd-analyze", "verify", str(tmp_path / "stormcell.service")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_commands_of_unit_and_container_are_commands_of_stormcell():
    from typer.testing import CliRunner

    from stormcell.cli import app

    words = re.search(r"ExecStart=\S+ (.*)", (ROOT / "deploy/stormcell.service").read_text())
    command = json.loads(re.search(r"^CMD (.*)", (ROOT / "deploy/Containerfile").read_text(), re.MULTILINE)[1])
    known = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).stdout
    for option in re.findall(r"--\w+", f"{words[1]} {' '.join(command)}"):
        assert option in known
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"serve", "cloud", "postgresql"} <= extras.keys()


def test_the_settings_shown_are_settings(tmp_path):
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/live.md").read_text(), re.DOTALL)
    (tmp_path / "service.toml").write_text(block)
    assert read_settings(tmp_path / "service.toml", environment={}).methods[1].members == 24
    named = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/live.md").read_text(), re.MULTILINE))
    assert named <= ServiceSettings.model_fields.keys()
