"""Scores of forecasts that came true, over HTTP."""

import numpy as np
import pytest
from fastapi.testclient import TestClient

from stormcell.data.archive import Archive
from stormcell.frames import grid_of
from stormcell.service.app import create_app
from stormcell.service.database import Database, PublishedScan
from stormcell.service.fields import FieldStore
from stormcell.service.live_scores import score_what_came_true
from tests.service.web.published import LEADS, NOW, SCANS, STORM, publish_storm, settings_at


@pytest.fixture
def scored(tmp_path):
    """All scans have come in since, and the forecasts are scored."""
    settings = publish_storm(settings_at(tmp_path))
    with Archive.create(tmp_path / "archive.zarr", grid_of(STORM), np.timedelta64(5, "m"), start=STORM["time"].values[0]) as archive:
        archive.append(STORM)
    archive = Archive(tmp_path / "archive.zarr")
    database, store = Database(settings.database_address), FieldStore(settings.fields_address)
    assert score_what_came_true(archive, database, store, settings.thresholds, since=STORM["time"].values[0]) == 2 * LEADS
    key = store.write(STORM[-1].to_dataset(name="rain_rate"), kind="observed")
    database.publish_scan(PublishedScan(STORM["time"].values[-1].astype("datetime64[s]"), key))
    database.close()
    with TestClient(create_app(settings, clock=lambda: NOW + 1200)) as client:
        yield client


def test_a_perfect_forecast_has_a_csi_of_one_and_persistence_less(scored):
    body = scored.get("/v1/scores?hours=2").json()
    assert body["reference"] == "persistence" and body["until"] == f"{STORM['time'].values[-1].astype('datetime64[s]')}Z"
    csi = {(one["method"], one["threshold"]): one for one in body["scores"] if one["score"] == "csi"}
    assert csi["advection", 0.5]["values"] == pytest.approx([1.0] * LEADS, abs=0.01)  # the archive keeps half precision
    assert csi["advection", 0.5]["lead_minutes"] == [5, 10, 15, 20]
    assert csi["advection", 0.5]["fields"] == [1] * LEADS
    assert all(0 < value < 1 for value in csi["persistence", 0.5]["values"])
    continuous = scored.get("/v1/scores?hours=2&family=continuous").json()
    assert {one["threshold"] for one in continuous["scores"]} == {None}


def test_hours_count_back_from_the_newest_scan(scored, client):
    assert SCANS and scored.get("/v1/scores").headers["cache-control"] == "public, max-age=30"
    assert client.get("/v1/scores").json()["scores"] == []
    for hours in ("0", "169", "-1", "1.5", "nan"):
        assert scored.get(f"/v1/scores?hours={hours}").status_code == 422
