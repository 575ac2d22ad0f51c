"""What this machine reaches at its best: operations of a matrix product, and bytes of a copy. Run as a module, in a process of its own."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["machine_rates"]

_COPIED, _TIMES = 2**26, 5  # numbers that are copied, 256 MiB of them; how often


def machine_rates(asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Measure.

    Yields:
        `matrix_product` [10^9 operations a second] and `memory_copy` [10^9 bytes read and written a second], each by the wall and by the
        processor's time; `threads` of torch.
    """
    import torch

    from stormcell.benchmark.matrix_product import GFLOP, matrix_products

    with torch.inference_mode():
        product = min(_seconds(run) for run in matrix_products())
        source, target = torch.ones(_COPIED), torch.zeros(_COPIED)
        copy = _seconds(lambda: target.copy_(source))
    yield {
        "matrix_product": [GFLOP / seconds for seconds in product],
        "memory_copy": [2e-9 * 4 * _COPIED / seconds for seconds in copy],
        "threads": torch.get_num_threads(),
    }


def _seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Medians by the wall and by the processor, after one run to warm up."""
    run()
    times = []
    for _ in range(_TIMES):
        wall, processor = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    walls, processors = zip(*times, strict=True)
    return statistics.median(walls), statistics.median(processors)


if __name__ == "__main__":
    from stormcell.benchmark.process import tell

    tell(machine_rates, sys.argv[1])
