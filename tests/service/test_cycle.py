"""From files to published forecasts and scores, and what is left when something fails."""

from importlib.util import find_spec

import numpy as np
import pytest
from sqlalchemy import create_engine

import stormcell as sc
from stormcell.errors import MethodError, StormcellError
from stormcell.frames import grid_of
from stormcell.service.cycle import run_cycle
from stormcell.service.database import Database
from stormcell.service.fields import FieldStore
from stormcell.service.intake import Arrivals
from stormcell.service.live import open_workshop
from stormcell.service.live_scores import live_scores
from stormcell.service.settings import MethodSettings
from stormcell.service.tables import METADATA
from tests.service.conftest import arrive
from tests.service.hindcast import check_scores_are_those_of_a_hindcast


@pytest.fixture
def workshop(settings):
    with open_workshop(settings) as opened:
        yield opened


def after(scan, workshop):
    """One cycle after one scan has arrived."""
    arrive(scan, workshop.settings.watch)
    return run_cycle(workshop, Arrivals(workshop.settings.watch, 0).look(workshop.database))


def test_a_scan_becomes_a_forecast(scans, workshop):
    assert after(scans[0], workshop).forecasts == []
    cycle = after(scans[1], workshop)
    assert (cycle.new_scans, cycle.observed, [one.method for one in cycle.forecasts], cycle.problems) == (2, 2, ["advection", "steps"], [])
    assert {"decode and archive", "publish scans", "forecast advection", "publish forecasts", "score", "tidy"} <= cycle.stages.keys()
    past = sc.read(scans[:2])
    newest = workshop.database.newest_forecast("advection")
    assert newest.reference_time == past["time"].values[-1] and newest.steps == 3 and newest.members == 1
    fields = workshop.store.read(newest.key)
    assert fields["rain_rate"].dims == ("lead_time", "y", "x") and grid_of(fields["rain_rate"]).same_as(grid_of(past))
    ensemble = workshop.store.read(workshop.database.newest_forecast("steps").key)
    assert ensemble["probability"].sizes["threshold"] == 6 and ensemble["rain_rate_quantile"].sizes["quantile"] == 3
    observed = workshop.store.read(workshop.database.newest_scan().key)["rain_rate"]
    np.testing.assert_allclose(observed.values, past.values[-1], rtol=6e-4)


def test_a_service_of_a_box(scans, settings):
    with open_workshop(settings.model_copy(update={"bbox": "9.6,55.0,10.0,55.4"})) as workshop:
        after(scans[0], workshop)
        assert after(scans[1], workshop).problems == []
        part = sc.read(scans[:2], bbox=(9.6, 55.0, 10.0, 55.4))
        observed = workshop.store.read(workshop.database.newest_scan().key)["rain_rate"]
    assert grid_of(observed).same_as(grid_of(part)) and observed.shape < sc.read(scans[0]).shape[1:]
    np.testing.assert_allclose(observed.values, part.values[-1], rtol=6e-4)


@pytest.mark.parametrize("runtime", ["torch", "openvino:int8", None])
def test_a_network_forecasts_in_the_runtime_that_is_set(scans, settings, runtime):
    if runtime == "openvino:int8" and find_spec("openvino") is None:
        pytest.skip("openvino is not installed")
    methods = (MethodSettings(name="guided"),)
    with open_workshop(settings.model_copy(update={"methods": methods, "lead": "10min", "runtime": runtime})) as workshop:
        for scan in scans[:6]:
            arrive(scan, settings.watch)
        (forecast,) = run_cycle(workshop, Arrivals(settings.watch, 0).look(workshop.database)).forecasts
        field = workshop.store.read(forecast.key)["rain_rate"]
    fastest = "openvino, int8" if find_spec("openvino") else None
    assert field.attrs.get("runtime") == (None if runtime == "torch" else fastest)
    assert field.max() > 1


def test_no_new_scan_no_new_forecast(scans, workshop):
    for scan in scans[:3]:
        after(scan, workshop)
    again = run_cycle(workshop, {})
    assert (again.new_scans, again.observed, again.forecasts, again.scored) == (0, 0, [], 0) and len(workshop.database.forecasts()) == 4


def test_late_scans_are_published_and_scored_but_not_forecast_from(scans, workshop):
    for number in (0, 1, 3):
        after(scans[number], workshop)
    late = after(scans[2], workshop)
    assert (late.observed, late.forecasts) == (1, []) and late.scored == 2, "the forecasts from scan 1 said what scan 2 would be"
    assert len(workshop.database.scans()) == 4


def test_scores_are_those_of_a_hindcast(scans, workshop, tmp_path):
    for scan in scans[:8]:
        after(scan, workshop)
    cases = check_scores_are_those_of_a_hindcast(workshop, tmp_path / "verified", ["advection", "steps"], lead="15min", members=3)
    assert cases == 8 - max(method.past_steps for method in workshop.methods.values()) - 2


def test_scans_reach_as_far_back_as_a_method_looks(scans, workshop):
    given, advection = [], workshop.methods["advection"]

    def looks_back(past, lead_times, *, members=1, seed=None):
        given.append(past.sizes["time"])
        return advection(past, lead_times)

    looks_back.past_steps, looks_back.past_minutes = 2, 25.0
    workshop.methods = {**workshop.methods, "steps": looks_back}
    for scan in scans[:7]:
        after(scan, workshop)
    assert given[-2:] == [6, 6]


def test_one_method_that_fails_leaves_the_others(scans, workshop):
    def fails(past, lead_times, *, members=1, seed=None):
        raise ZeroDivisionError("no rain")

    fails.past_steps = 2
    workshop.methods = {**workshop.methods, "steps": fails}
    after(scans[0], workshop)
    cycle = after(scans[1], workshop)
    assert [one.method for one in cycle.forecasts] == ["advection"] and cycle.problems == [
        "forecast steps: steps: ZeroDivisionError: no rain"
    ]


def test_a_failed_cycle_leaves_what_was_published(scans, workshop, monkeypatch):
    for scan in scans[:2]:
        after(scan, workshop)
    before = workshop.database.forecasts()

    def refuses(*_, **__):
        raise StormcellError("no space left")

    monkeypatch.setattr(workshop.store, "write", refuses)
    cycle = after(scans[2], workshop)
    assert cycle.forecasts == [] and any("no space left" in problem for problem in cycle.problems)
    assert workshop.database.forecasts() == before and workshop.store.read(before[0].key)["rain_rate"].size
    monkeypatch.undo()
    mended = run_cycle(workshop, {})
    assert len(mended.forecasts) == 2 and mended.observed == 1 and mended.problems == []


def test_old_fields_go_and_scores_stay(scans, settings):
    short = settings.model_copy(update={"keep_hours": 0.25})
    with open_workshop(short) as workshop:
        for scan in scans[:8]:
            after(scan, workshop)
        newest = workshop.database.newest_scan().time
        assert min(scan.time for scan in workshop.database.scans()) >= newest - np.timedelta64(15, "m")
        assert min(one.reference_time for one in workshop.database.forecasts()) >= newest - np.timedelta64(15, "m")
        assert set(workshop.store.keys()) == workshop.database.keys()
        everything = live_scores(workshop.database, "contingency", short.thresholds, since=np.datetime64("2000-01-01"))
        assert everything["fields"].sel({"method": "advection"}).values.tolist() == [6, 5, 4]


def test_a_small_disk_keeps_the_newest(scans, settings):
    tiny = settings.model_copy(update={"keep_gigabytes": 1e-6})
    with open_workshop(tiny) as workshop:
        for scan in scans[:4]:
            after(scan, workshop)
        newest = workshop.database.newest_scan().time
        assert {scan.time for scan in workshop.database.scans()} == {newest}
        assert {one.reference_time for one in workshop.database.forecasts()} == {newest}


def test_what_a_dead_process_left_is_swept(scans, workshop):
    for scan in scans[:2]:
        after(scan, workshop)
    field = workshop.store.read(workshop.database.newest_scan().key)
    orphan = workshop.store.write(field, kind="forecast")
    assert orphan in set(workshop.store.keys())
    assert run_cycle(workshop, {}).removed == 1 and orphan not in set(workshop.store.keys())


def test_a_method_nobody_knows_is_said_at_once(settings):
    with (
        pytest.raises(MethodError, match="unknown"),
        open_workshop(settings.model_copy(update={"methods": (settings.methods[0].model_copy(update={"name": "unknown"}),)})),
    ):
        pass


def test_on_postgresql_and_object_storage(scans, settings, postgresql, s3_endpoint, tmp_path):
    """One setting each, and a second process sees what the first has published."""
    shared = settings.model_copy(update={"database": postgresql, "fields": f"s3://rain/{tmp_path.name}", "endpoint": s3_endpoint})
    with open_workshop(shared) as workshop:
        after(scans[0], workshop)
        cycle = after(scans[1], workshop)
        assert len(cycle.forecasts) == 2 and cycle.problems == []
    elsewhere = Database(postgresql)
    newest = elsewhere.newest_forecast("advection")
    assert FieldStore(f"s3://rain/{tmp_path.name}", endpoint=s3_endpoint).read(newest.key)["rain_rate"].sizes["lead_time"] == 3
    elsewhere.close()
    METADATA.drop_all(engine := create_engine(postgresql))
    engine.dispose()
