"""Buckets fill at a steady rate."""

import pytest

from stormcell.service.rate_limit import RateLimit


def test_a_burst_then_the_rate():
    now = [0.0]
    limit = RateLimit(2.0, 3, clock=lambda: now[0])
    assert [limit.wait("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert limit.wait("b") == 0.0
    now[0] = 0.5
    assert limit.wait("a") == 0.0 and limit.wait("a") == 0.5
    now[0] = 100.0
    assert [limit.wait("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_what_costs_more_than_a_full_bucket_still_can_be_had():
    limit = RateLimit(1.0, 3, clock=lambda: 0.0)
    assert limit.wait("a", 20.0) == 0.0 and limit.wait("a", 20.0) == pytest.approx(3.0)


def test_clients_are_forgotten_in_order():
    limit = RateLimit(1.0, 1, clock=lambda: 0.0, clients=2)
    assert [limit.wait(name) for name in ("a", "b", "b", "c", "a")] == [0.0, 0.0, 1.0, 0.0, 0.0]


def test_no_rate_no_limit():
    limit = RateLimit(0.0, 1)
    assert not any(limit.wait("a") for _ in range(100))
