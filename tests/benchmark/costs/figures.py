"""Costs made up by hand."""

from stormcell.benchmark.costs.record import Cost, Costs, Samples


def samples(*values: float, processor: tuple[float, ...] | None = None) -> Samples:
    """The same by both clocks, or not."""
    return Samples(list(values), list(processor or values))


def network(runtime: str = "torch", **changed) -> Cost:
    """A network on 100 x 200 pixels: 8 GFLOP in 2 s, and motion that takes 1 s."""
    seconds = {"start-up": samples(3.0, 3.0), "motion": samples(1.0, 1.0), "forecast": samples(2.0, 2.0, processor=(4.0, 4.0))}
    return Cost(
        **{
            "method": "net",
            "rows": 100,
            "columns": 200,
            "runtime": runtime,
            "seconds": seconds,
            "gflop": 8.0,
            "peak_mb": [500.0, 510.0],
            **changed,
        }
    )


def classic(**changed) -> Cost:
    """A method without a network: 0.6 GB of fields in 0.1 + 0.2 s."""
    seconds = {"motion": samples(0.1, 0.1), "forecast": samples(0.2, 0.2), "write": samples(0.05, 0.05)}
    return Cost(
        **{
            "method": "classic",
            "rows": 100,
            "columns": 200,
            "runtime": "-",
            "seconds": seconds,
            "field_gb": 0.6,
            "peak_mb": [200.0, 200.0],
            **changed,
        }
    )


def costs(*some: Cost, product: Samples | None = None, copy: Samples | None = None) -> Costs:
    """On a machine of 40 GFLOP/s and 8 GB/s."""
    return Costs(12, 2, product or samples(40.0, 40.0), copy or samples(8.0, 8.0), list(some))
