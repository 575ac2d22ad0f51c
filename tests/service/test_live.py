"""The loop: scans arrive, cycles run, and neither a signal nor a kill at any moment loses or halves anything."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from stormcell.data.archive import Archive, is_archive
from stormcell.errors import WriteError
from stormcell.service.cycle import Cycle
from stormcell.service.database import Database
from stormcell.service.fields import FieldStore
from stormcell.service.live import open_workshop, run_live
from stormcell.service.settings import ServiceSettings
from tests.service.conftest import arrive

SERVICE = """
import sys
from pathlib import Path
from stormcell.service.live import run_live
from stormcell.service.settings import MethodSettings, read_settings
inbox, folder = map(Path, sys.argv[1:])
methods = (MethodSettings(name="advection"), MethodSettings(name="persistence"))
fast = {"lead": "10min", "settle_seconds": 0, "poll_seconds": 0.02}
run_live(read_settings(environment={}, watch=inbox, folder=folder, methods=methods, **fast), inbox)
"""


def start(inbox: Path, folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", SERVICE, str(inbox), str(folder)], stderr=subprocess.PIPE)


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_scans_that_arrive_become_forecasts(scans, inbox, settings):
    stop, told = threading.Event(), []
    thread = threading.Thread(target=run_live, args=(settings, inbox), kwargs={"stop": stop, "tell": told.append})
    thread.start()
    try:
        for scan in scans[:2]:
            arrive(scan, inbox)
        wait_for(lambda: any(cycle.forecasts for cycle in told))
        before = len(told)
        time.sleep(0.3)
        assert len(told) == before, "no cycle without a scan"
        arrive(scans[2], inbox)
        wait_for(lambda: sum(len(cycle.forecasts) for cycle in told) == 4)
        with pytest.raises(WriteError, match="another process runs the cycles"), open_workshop(settings):
            pass
    finally:
        stop.set()
        thread.join()
    database = Database(settings.database_address)
    assert len(database.cycles()) == len(told) and all(isinstance(cycle, Cycle) for cycle in told)
    database.close()
    with open_workshop(settings):
        pass


def test_a_cycle_that_breaks_does_not_end_the_service(scans, inbox, settings, monkeypatch, caplog):
    calls = []

    def breaks(workshop, files):
        calls.append(files)
        raise RuntimeError("out of luck")

    monkeypatch.setattr("stormcell.service.live.run_cycle", breaks)
    monkeypatch.setattr("stormcell.service.live._AGAIN_SECONDS", 0.05)
    stop = threading.Event()
    thread = threading.Thread(target=run_live, args=(settings, inbox), kwargs={"stop": stop})
    thread.start()
    wait_for(lambda: len(calls) >= 3)
    stop.set()
    thread.join()
    assert "out of luck" in caplog.text


def test_sigterm_ends_it_after_the_cycle(scans, inbox, tmp_path):
    for scan in scans[:2]:
        arrive(scan, inbox)
    service = start(inbox, tmp_path / "live")
    wait_for(lambda: is_archive(tmp_path / "live" / "archive.zarr"))
    service.send_signal(signal.SIGTERM)
    _, said = service.communicate(timeout=60)
    assert service.returncode == 0, said.decode()
    check_whole(tmp_path / "live", forecasts=2)


def check_whole(folder: Path, *, forecasts: int | None = None) -> None:
    """The archive can be read, and every field that is published is whole."""
    database = Database(f"sqlite:///{folder}/service.sqlite")
    store = FieldStore(str(folder / "fields"))
    published = database.forecasts()
    by_time: dict[np.datetime64, set[str]] = {}
    for one in published:
        assert store.read(one.key)["rain_rate"].load().sizes["lead_time"] == one.steps
        by_time.setdefault(one.reference_time, set()).add(one.method)
    assert all(methods == {"advection", "persistence"} for methods in by_time.values()), "all methods of a scan, or none"
    for scan in database.scans():
        assert np.isfinite(store.read(scan.key)["rain_rate"].values).any()
    if is_archive(folder / "archive.zarr"):
        archive = Archive(folder / "archive.zarr")
        assert np.isfinite(archive.latest(len(archive)).values[archive.present]).any(axis=(1, 2)).all()
    if forecasts is not None:
        assert len(published) == forecasts
    database.close()


def killed_at_random(scans: list[Path], inbox: Path, folder: Path, kills: int, seed: int) -> None:
    """kill -9 at random moments while scans arrive; in the end nothing is missing."""
    moments = random.Random(seed)
    arrived = 0
    for number in range(kills):
        due = -(-len(scans) * (number + 1) // kills)
        while arrived < due:
            arrive(scans[arrived], inbox)
            arrived += 1
        service = start(inbox, folder)
        try:
            service.communicate(timeout=0.4 + moments.random() * 2.5)
        except subprocess.TimeoutExpired:
            os.kill(service.pid, signal.SIGKILL)
            service.communicate()
        assert service.returncode == -signal.SIGKILL, "it ended by itself"
        check_whole(folder)
    service = start(inbox, folder)
    database = Database(f"sqlite:///{folder}/service.sqlite")
    wait_for(lambda: len(database.scans()) == len(scans) and len(database.known_files()) == len(scans))
    wait_for(lambda: len(database.forecasts(since=database.newest_scan().time)) == 2)
    service.send_signal(signal.SIGTERM)
    service.communicate(timeout=60)
    check_whole(folder)
    assert set(FieldStore(str(folder / "fields")).keys()) == database.keys(), "what dead processes left is swept"
    database.close()


def test_killed_at_random(scans, inbox, tmp_path):
    killed_at_random(scans[:6], inbox, tmp_path / "live", kills=5, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_random_a_hundred_times(scans, inbox, tmp_path):
    killed_at_random(scans, inbox, tmp_path / "live", kills=100, seed=2)


def test_settings_need_not_be_of_a_folder_that_is_there(settings, inbox):
    stop = threading.Event()
    stop.set()
    run_live(settings.model_copy(update={"folder": settings.folder / "deep" / "er"}), inbox / "absent", stop=stop)
    assert isinstance(settings, ServiceSettings)
