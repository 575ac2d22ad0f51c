"""DWD's directories: two layouts of RV side by side, other products, and archives that are not whole yet."""

from datetime import timedelta

import numpy as np
import pytest

from stormcell.data.read import find_scans, read
from stormcell.data.sources.dwd import Dwd
from stormcell.data.sources.latest import latest
from stormcell.errors import ConfigError
from tests.data import radar_files as make
from tests.data.sources.conftest import DIRECTORY, NOON, rv_name, small_bz2
from tests.data.sources.server import short

RAIN = np.array([[0.0, 0.5, np.nan], [0.25, 2.0, 0.0]])


def name_of(minutes: float, product: str = "rv", ending: str = ".tar") -> str:
    return f"composite_{product}_{NOON + timedelta(minutes=minutes):%Y%m%d_%H%M}{ending}"


@pytest.fixture
def archive(tmp_path):
    """The bytes of an archive in the layout since 2025."""

    def make_one(minutes: float) -> bytes:
        time = f"{NOON + timedelta(minutes=minutes):%Y-%m-%dT%H:%M}"
        leads = {lead: make.rv_composite(RAIN, time, lead) for lead in (0, 5)}
        return make.rv_tar(tmp_path / "made.tar", leads, time=time).read_bytes()

    return make_one


def test_of_two_layouts_the_new_one_is_brought_once(server, source, feed_of, archive, here):
    for minutes in (-15, -10):
        server.files[DIRECTORY + rv_name(minutes)] = small_bz2(minutes)
    for minutes in (-10, -5):
        server.files[DIRECTORY + name_of(minutes)] = archive(minutes)
    server.files[DIRECTORY + "composite_rv_LATEST.tar"] = archive(-5)
    assert not feed_of(source).poll().refused and here() == [rv_name(-15), name_of(-10), name_of(-5)]


def test_other_products_have_directories_of_their_own(server, feed_of, archive, here):
    server.files["/composite/wn/" + name_of(-10, "wn")] = archive(-10)
    server.files["/composite/hx/" + name_of(-5, "hx", "-hd5")] = make.rv_composite(RAIN, "2026-07-01T11:55", 0)
    server.files["/composite/hx/composite_hx_LATEST-hd5"] = b"an alias"
    for product in ("wn", "hx"):
        assert not feed_of(Dwd(product=product, url=server.url + "/composite/{product}/")).poll().refused
    assert here() == [name_of(-5, "hx", "-hd5"), name_of(-10, "wn")]


def test_the_newest_scans_are_read(server, source, archive, clock, tmp_path):
    for minutes in (-15, -10, -5):
        server.files[DIRECTORY + name_of(minutes)] = archive(minutes)
    paths = latest(source, 2, tmp_path / "here", now=clock)
    assert [path.name for path in paths] == [name_of(-10), name_of(-5)]
    assert {scan.format for scan in find_scans(paths)} == {"odim-tar"}


def test_an_archive_without_its_end_is_not_whole(server, source, feed_of, archive, here):
    """Nothing else shows it: the listing states no size, and the server announces the length of what it has."""
    whole = archive(-5)
    server.files[DIRECTORY + name_of(-5)] = whole
    server.faults[DIRECTORY + name_of(-5)] = [short] * 3
    assert "has no end" in feed_of(source).poll().refused[name_of(-5)] and here() == []
    (path,) = feed_of(source).poll().arrived
    assert path.read_bytes() == whole


def test_real_rain_by_way_of_the_source(server, source, clock, radar_data, tmp_path):
    """A real archive of 2022 as it was sent then, and its analysis in the layout of today."""
    old = (radar_data / "formats" / "radolan" / "DE1200_RV2210180700.tar.bz2").read_bytes()
    (tmp_path / "old").write_bytes(old)
    seen = read(tmp_path / "old")
    time = seen["time"].values[0]
    clock.seconds = float(time.astype("M8[s]").astype(int)) + 200
    server.files[DIRECTORY + "DE1200_RV2210180700.tar.bz2"] = old
    [as_sent] = latest(source, 1, tmp_path / "a", now=clock)
    new = make.rv_tar(tmp_path / "new", {0: make.rv_composite(seen.values[0] / 12.0, time, 0)}, time=time)
    server.files[DIRECTORY + "composite_rv_20221018_0700.tar"] = new.read_bytes()
    [as_today] = latest(source, 1, tmp_path / "b", now=clock)
    assert as_sent.name == "DE1200_RV2210180700.tar.bz2" and as_today.name == "composite_rv_20221018_0700.tar"
    np.testing.assert_allclose(read(as_today).values, read(as_sent).values, atol=1e-5)


@pytest.mark.parametrize("product", ["", "../rv", "RV", "rv|x"])
def test_a_product_is_a_plain_name(product):
    with pytest.raises(ConfigError, match="expected small letters"):
        Dwd(product=product)
