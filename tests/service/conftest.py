"""A small storm as files, and a service that watches a folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.service.settings import MethodSettings, ServiceSettings, read_settings
from tests.service.object_storage import CREDENTIALS, s3_server
from tests.service.postgresql import missing_postgresql, postgresql_server

STEPS = 14


@pytest.fixture(scope="session")
def scans(tmp_path_factory) -> list[Path]:
    """One file a scan, every five minutes."""
    folder = tmp_path_factory.mktemp("scans")
    write_odim(synthetic_storm(STEPS, shape=(40, 48)), folder)
    return sorted(folder.iterdir())


@pytest.fixture
def inbox(tmp_path) -> Path:
    """The folder that is watched."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(tmp_path, inbox) -> ServiceSettings:
    """Fast methods, short forecasts."""
    methods = (MethodSettings(name="advection"), MethodSettings(name="steps", members=3))
    return read_settings(
        environment={}, watch=inbox, folder=tmp_path / "live", methods=methods, lead="15min", settle_seconds=0, poll_seconds=0.02
    )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Address of a PostgreSQL database."""
    if reason := missing_postgresql():
        pytest.skip(reason)
    with postgresql_server() as address:
        yield address


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of an object storage with a bucket "rain"."""
    pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    with pytest.MonkeyPatch.context() as patch, s3_server() as address:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem(endpoint_url=address).mkdir("rain")
        yield address


def arrive(scan: Path, inbox: Path) -> Path:
    """As tools do it: written beside, then renamed."""
    beside = inbox / f".{scan.name}"
    shutil.copy(scan, beside)
    return beside.rename(inbox / scan.name)
