"""`stormcell serve`, as an operator runs it: one cycle for cron, the whole service until it is told to end."""

from datetime import UTC, datetime, timedelta

import pytest

from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from tests.cli.process import stormcell
from tests.cli.test_commands import radar as radar
from tests.data.sources.server import cut_off, serving
from tests.service.process import stormcell_serve


def test_one_cycle_for_a_timer(radar, tmp_path):
    done = stormcell(
        "serve", "--watch", radar, "--folder", tmp_path / "live", "-m", "advection", "-m", "steps*3", "--lead", "15min", "--once"
    )
    assert done.returncode == 0, done.stderr
    assert "5 new scans" in done.stdout and "published advection, steps from 2024-07-01 12:20 UTC" in done.stdout
    again = stormcell("serve", "--watch", radar, "--folder", tmp_path / "live", "-m", "advection", "--lead", "15min", "--once")
    assert again.returncode == 0 and "0 new scans" in again.stdout and "published nothing" in again.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "either --watch DIR"),
        (("--once", "--no-cycles"), "either --watch DIR"),
        (("--watch", "a", "--source", "dwd"), "either `watch`"),
        (("--watch", "a", "--no-web", "--no-cycles"), "nothing to do"),
        (("--watch", "a", "-m", "steps*0"), "members"),
        (("nowhere.toml",), "nowhere.toml: expected a TOML file"),
    ],
)
def test_what_makes_no_sense_is_said(words, message, tmp_path):
    done = stormcell("serve", *words, cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr


def test_the_whole_service_until_it_is_told_to_end(radar, tmp_path):
    with stormcell_serve(tmp_path, "--watch", radar, "--folder", tmp_path / "live", "-m", "advection", "--lead", "15min") as service:
        assert [one["method"] for one in service.newest(1)] == ["advection"] and service.json("/v1/status")["stale"]
        assert "cycle     5 new scans" in service.end()


def test_a_feed_is_asked_and_what_it_brings_is_forecast(tmp_path):
    """As a process, over a server of real files that breaks off at first; and once more for a timer, when there is a new file."""
    now = datetime.now(UTC).replace(second=0, microsecond=0, tzinfo=None)
    write_odim(synthetic_storm(4, shape=(64, 64), start=f"{now - timedelta(minutes=17):%Y-%m-%dT%H:%M}"), tmp_path / "radar")
    scans = sorted((tmp_path / "radar").iterdir())
    with serving() as server:
        server.files |= {f"/radar/{scan.name}": scan.read_bytes() for scan in scans[:3]}
        server.faults[f"/radar/{scans[1].name}"] = [cut_off]
        feed = tmp_path / "feed.toml"
        feed.write_text(
            f'source = "index"\nurl = "{server.url}/radar/"\n'
            "pattern = '(?P<time>[0-9]{14})_composite[.]h5'\ntime_format = '%Y%m%d%H%M%S'\n"
        )
        words = ("--source", feed, "--folder", tmp_path / "live", "-m", "advection", "--lead", "15min")
        with stormcell_serve(tmp_path, *words) as service:
            third = f"{now - timedelta(minutes=7):%Y-%m-%dT%H:%M}:00Z"
            service.until(lambda: [one["data"]["time"] for one in service.newest(1)] == [third])
            (newest,) = service.newest(1)
            assert newest["method"] == "advection" and not newest["data"]["stale"]
            service.end()
        assert {path.name for path in (tmp_path / "live" / "inbox").glob("*.h5")} == {scan.name for scan in scans[:3]}
        server.files[f"/radar/{scans[3].name}"] = scans[3].read_bytes()
        done = stormcell("serve", *words, "--once")
        assert done.returncode == 0 and "1 new scans" in done.stdout and "published advection" in done.stdout, done.stdout + done.stderr
        assert server.paths().count(f"/radar/{scans[0].name}") == 1, "nothing comes twice"
