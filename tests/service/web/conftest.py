"""A service that has published a storm, and a client of it."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from stormcell.service.app import create_app
from stormcell.service.settings import ServiceSettings
from tests.service.web.published import NOW, publish_storm, settings_at


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> ServiceSettings:
    """Settings of a service with scans, a forecast and an ensemble; tests only read."""
    return publish_storm(settings_at(tmp_path_factory.mktemp("service")))


@pytest.fixture
def client(published) -> Iterator[TestClient]:
    """Asks two minutes after the last scan."""
    with TestClient(create_app(published, clock=lambda: NOW)) as client:
        yield client
