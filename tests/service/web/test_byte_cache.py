"""What is kept is bounded, and made once."""

import threading
import time

import pytest

from stormcell.service.byte_cache import ByteCache


def test_the_one_used_longest_ago_goes_first():
    cache: ByteCache[bytes] = ByteCache(10, len)
    cache.get("a", lambda: b"1234")
    cache.get("b", lambda: b"1234")
    assert cache.peek("a") == b"1234"
    cache.get("c", lambda: b"1234")
    assert cache.peek("b") is None and cache.peek("a") and cache.peek("c") and cache.bytes == 8


def test_what_is_too_large_is_handed_out_and_not_kept():
    cache: ByteCache[bytes] = ByteCache(3, len)
    assert cache.get("a", lambda: b"1234") == b"1234" and cache.bytes == 0 and cache.peek("a") is None


def test_threads_that_want_the_same_have_it_made_once():
    cache: ByteCache[bytes] = ByteCache(100, len)
    made = []

    def make() -> bytes:
        made.append(1)
        time.sleep(0.05)
        return b"x"

    threads = [threading.Thread(target=cache.get, args=("a", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1] and (cache.hits, cache.misses) == (0, 1)


def test_an_error_is_not_kept():
    cache: ByteCache[bytes] = ByteCache(100, len)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: bytes(1 // 0))
    assert cache.get("a", lambda: b"y") == b"y"
