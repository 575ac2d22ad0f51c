"""What a web process tells Prometheus: how much is asked, how long answers take, how old the data are."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["MULTIPROCESS", "Gauge", "Metrics"]

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable that names the folder through which several processes of a host add up."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROUTES = 200  # kinds of labels, so that nobody can fill the memory with them


@dataclass(frozen=True)
class Gauge:
    """A measure of this moment.

    Args:
        name: of it.
        says: what it is.
        values: by label; of a measure without a label there is one at most.
        label: name of the label.
    """

    name: str
    says: str
    values: Mapping[str, float]
    label: str | None = None


@final
class Metrics:
    """Counts requests by route, method and status."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        names = ("route", "method", "status")
        self._requests = Counter("stormcell_http_requests", "Answers that were given.", names, registry=self._own)
        self._seconds = Histogram(
            "stormcell_http_request_seconds",
            "Time from request to the end of the answer.",
            ("route",),
            registry=self._own,
            buckets=_SECONDS,
        )
        self._counters: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """An answer was given.

        Args:
            route: the template of its path, never the path itself.
            method: of HTTP.
            status: of HTTP.
            seconds: it took.
        """
        key = route, method if method in ("GET", "HEAD", "POST", "OPTIONS") else "other", status
        if key not in self._counters:
            if len(self._counters) >= _ROUTES * 10:
                return
            requests, seconds_of = self._requests.labels(key[0], key[1], str(key[2])), self._seconds.labels(key[0])

            def add(taken: float) -> None:
                requests.inc()
                seconds_of.observe(taken)

            self._counters[key] = add
        self._counters[key](seconds)

    def text(self, gauges: Iterable[Gauge]) -> bytes:
        """Everything in the text format of Prometheus.

        Args:
            gauges: what is measured at this moment.
        """
        counted = self._own
        if MULTIPROCESS in os.environ:
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        now = CollectorRegistry()
        now.register(_Gauges([_family(one) for one in gauges]))
        return generate_latest(counted) + generate_latest(now)


@final
class _Gauges:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _family(gauge: Gauge) -> Metric:
    family = GaugeMetricFamily(gauge.name, gauge.says, labels=[gauge.label] if gauge.label else None)
    for label, value in gauge.values.items():
        family.add_metric([label] if gauge.label else [], value)
    return family
