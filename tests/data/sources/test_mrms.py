"""The layout of MRMS in a real S3 server (moto) on the loopback, and listings that no S3 server sends."""

import gzip
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

import numpy as np
import pytest

from stormcell.data.read import find_scans
from stormcell.data.sources import SourceError
from stormcell.data.sources.latest import latest
from stormcell.data.sources.mrms import Mrms
from stormcell.errors import ConfigError
from tests.data.sources.conftest import NOON

BUCKET = "noaa-mrms-pds"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    moto = pytest.importorskip("moto.server", reason="needs moto[server]")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    boto3 = pytest.importorskip("boto3")
    client = boto3.client("s3", endpoint_url=s3, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    client.create_bucket(Bucket=BUCKET, ACL="public-read")
    yield client
    listed = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    for one in listed:
        client.delete_object(Bucket=BUCKET, Key=one["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def mrms(s3, bucket):
    return Mrms(endpoint=s3 + "/{bucket}")


def key_of(minutes: float, product: str = "PrecipRate_00.00") -> str:
    time = NOON + timedelta(minutes=minutes)
    return f"CONUS/{product}/{time:%Y%m%d}/MRMS_{product}_{time:%Y%m%d-%H%M%S}.grib2.gz"


def name_of(minutes: float) -> str:
    return key_of(minutes).rsplit("/", 1)[1]


def put(client, *minutes: float) -> None:
    for minute in minutes:
        client.put_object(Bucket=BUCKET, Key=key_of(minute), Body=gzip.compress(f"scan {minute}".encode()), ACL="public-read")


def test_brings_the_scans_of_the_last_hours_and_late_ones(mrms, bucket, feed_of, here):
    put(bucket, -600, -4, -2)
    bucket.put_object(Bucket=BUCKET, Key=key_of(-2, "PrecipFlag_00.00"), Body=b"another product")
    bucket.put_object(Bucket=BUCKET, Key=key_of(-2).replace(".grib2.gz", ".idx"), Body=b"another file")
    feed = feed_of(mrms)
    assert not feed.poll().refused and here() == [name_of(-4), name_of(-2)]
    put(bucket, -6, 0)
    assert [path.name for path in feed.poll().arrived] == [name_of(-6), name_of(0)]
    assert feed.poll().arrived == ()


def test_midnight_is_no_border(mrms, bucket, feed_of, here, clock):
    clock.seconds += 12 * 3600 + 60
    put(bucket, 716, 718, 720)
    feed_of(mrms).poll()
    assert here() == [name_of(716), name_of(718), name_of(720)]


def test_a_listing_of_many_pages_is_read_to_its_end(mrms, bucket, feed_of, here, s3, monkeypatch):
    put(bucket, *range(-60, 0, 2))
    monkeypatch.setattr("stormcell.data.sources.mrms.urlencode", lambda query: urlencode({**query, "max-keys": "7"}))
    feed_of(mrms, hours=0.2, limits={"listing_pages": 1}).poll()
    assert here() == [name_of(minutes) for minutes in range(-12, 0, 2)]  # old scans are not even listed
    feed_of(mrms).poll()
    assert len(here()) == 30
    with pytest.raises(SourceError, match="more than 2 pages"):
        feed_of(mrms, limits={"listing_pages": 2}).poll()


def test_nothing_there_is_no_error_and_no_bucket_is(mrms, s3, bucket, feed_of):
    assert feed_of(mrms).poll().arrived == ()
    with pytest.raises(SourceError, match="404"):
        feed_of(Mrms(bucket="no-such-bucket", endpoint=s3 + "/{bucket}")).poll()


def test_an_object_that_was_replaced_comes_again(mrms, bucket, feed_of):
    put(bucket, -2)
    feed = feed_of(mrms)
    feed.poll()
    bucket.put_object(Bucket=BUCKET, Key=key_of(-2), Body=gzip.compress(b"corrected"))
    (path,) = feed.poll().arrived
    assert gzip.decompress(path.read_bytes()) == b"corrected"


def test_real_scans_come_unchanged_and_are_recognised(mrms, bucket, radar_data, tmp_path):
    files = sorted((radar_data / "events" / "mrms_2019-06-10").glob("*.grib2"))[:3]
    for file in files:
        stamp = file.stem.rsplit("_", 1)[1]
        key = f"CONUS/PrecipRate_00.00/{stamp[:8]}/MRMS_PrecipRate_00.00_{stamp}.grib2.gz"
        bucket.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(file.read_bytes(), 1))
    moment = float(np.datetime64("2019-06-10T00:05").astype("M8[s]").astype(int))
    paths = latest(mrms, 2, tmp_path / "here", now=lambda: moment)
    assert [gzip.decompress(path.read_bytes()) for path in paths] == [file.read_bytes() for file in files[1:]]
    scans = find_scans(paths)
    assert [(scan.format, str(scan.times[0])[:16]) for scan in scans] == [("mrms", "2019-06-10T00:02"), ("mrms", "2019-06-10T00:04")]


def listing(*entries: str, more: str = "") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{"".join(entries)}{more}</ListBucketResult>'.encode()


def entry(key: str, size: object = 10, etag: str = "-") -> str:
    return f"<Contents><Key>{key}</Key><Size>{size}</Size><ETag>&quot;{etag}&quot;</ETag></Contents>"


BOMB = b'<!DOCTYPE a [<!ENTITY a "' + b"a" * 100 + b'"><!ENTITY b "&a;&a;&a;">]><ListBucketResult>&b;</ListBucketResult>'


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (BOMB, "declarations"),
        (BOMB.decode().encode("utf-16"), "another encoding"),
        (b"<html><body>moved</body></html>", "ListBucketResult"),
        (b"<ListBucketResult>", "something else"),
        (b"", "is empty"),
        (listing(more="<IsTruncated>true</IsTruncated>"), "not where"),
        (listing(more="<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>"), "not where"),
    ],
    ids=["entities", "utf-16", "html", "broken", "nothing", "no token", "token in a circle"],
)
def test_listings_that_are_refused(page, reason, server, feed_of):
    server.pages["/b"] = page
    with pytest.raises(SourceError, match=reason):
        feed_of(Mrms(bucket="b", endpoint=server.url + "/{bucket}")).poll()


def test_a_listing_that_lies_about_its_objects(server, feed_of, here):
    good = gzip.compress(b"whole")
    keys = {minutes: "/b/" + key_of(minutes) for minutes in (-2, -4, -6, -8)}
    server.files.update(dict.fromkeys(keys.values(), good))
    server.pages["/b"] = listing(
        entry(key_of(-2), len(good)),
        entry(key_of(-4), len(good) + 1),
        entry(key_of(-6), len(good), "0" * 32),
        entry(key_of(-8), "many"),
        entry(key_of(-10), len(good)),
        entry("../../" + name_of(-12), 5),
        entry(key_of(-14).replace("20260701-", "20269901-"), 5),
    )
    poll = feed_of(Mrms(bucket="b", endpoint=server.url + "/{bucket}")).poll()
    assert here() == [name_of(-2)]
    reasons = [poll.refused[name_of(minutes)] for minutes in (-4, -6, -8, -10)]
    for reason, word in zip(reasons, ("the listing says", "md5 checksum", "not understood", "404"), strict=True):
        assert word in reason
    assert len(poll.refused) == 5


def test_no_credentials_are_sent(server, feed_of):
    server.pages["/b"] = listing()
    feed_of(Mrms(bucket="b", endpoint=server.url + "/{bucket}")).poll()
    assert server.asked and all("authorization" not in headers and "cookie" not in headers for _, headers in server.asked)


def test_a_file_that_the_listing_proves_is_not_fetched_again(server, feed_of, here, tmp_path):
    """As after a process that died between the rename and the cursor."""
    content = gzip.compress(b"scan")
    server.pages["/b"] = listing(entry(key_of(-2), len(content), hashlib.md5(content).hexdigest()))
    server.files["/b/" + key_of(-2)] = content
    source = Mrms(bucket="b", endpoint=server.url + "/{bucket}")
    feed_of(source).poll()
    (tmp_path / "here" / ".cursor.json").unlink()
    asked = len(server.asked)
    poll = feed_of(source).poll()
    assert [path.name for path in poll.arrived] == here() == [name_of(-2)]
    assert "/b/" + key_of(-2) not in server.paths()[asked:]


@pytest.mark.parametrize("setting", [{"bucket": "a/b"}, {"product": "../x"}, {"domain": ""}])
def test_settings_that_lead_elsewhere(setting):
    with pytest.raises(ConfigError, match="expected letters"):
        Mrms(**setting)
