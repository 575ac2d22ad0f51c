"""One method on one domain in one runtime, measured from inside a process that does nothing else. Run as a module.

- *start-up*: from the start of the process until the method could begin: Python, imports, building it, loading its weights, and making the
  runtime ready. Exporting a network to a runtime happens once in the life of a model, before.
- *first forecast*: the first one, motion included. What is loaded, compiled or laid out at first use is in it.
- *read*, *motion*, *forecast*, *write*: the second time. To tell motion apart, the estimators of `stormcell.motion` are wrapped by a stop
  watch before any method is imported; forecast is the whole call without it. Methods that call none of these have no motion of their own.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stormcell.methods import Method

__all__ = ["LEAD_TIMES", "stages"]

LEAD_TIMES = 12  # five minutes apart
_COUNTED = 64  # side of the domain on which operations are counted, in the model's pixels


class _Watch:
    """Adds up the seconds of all that happens inside: `seconds` are those by the wall and by the processor."""

    def __init__(self) -> None:
        self.seconds = (0.0, 0.0)
        self.used = False

    def __enter__(self) -> "_Watch":
        self._since = time.perf_counter(), time.process_time()
        self.used = True
        return self

    def __exit__(self, *failure: object) -> None:
        wall, processor = time.perf_counter() - self._since[0], time.process_time() - self._since[1]
        self.seconds = self.seconds[0] + wall, self.seconds[1] + processor

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, watched."""

        @wraps(work)
        def watched(*arguments: Any, **settings: Any) -> Any:
            with self:
                return work(*arguments, **settings)

        return watched


def stages(asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Measure, telling each thing as soon as it is known.

    Args:
        asked: `method`; `runtime`, "-" for none; `scans`, a folder of radar files, None to stop after the start; `count`, whether to count
            the network's operations; `spawned`, when this process was started, by `time.monotonic`.

    Yields:
        Stage -> (wall, processor) [s], in several parts; `peak_mb`; `field_gb`; `flop_per_pixel`.
    """
    from stormcell.benchmark.process import peak_mb

    motion = _Watch()
    method = _started(asked["method"], asked["runtime"], motion)
    yield {"start-up": [time.monotonic() - asked["spawned"], time.process_time()]}
    if asked["scans"] is None:
        return
    first = _forecast(method, asked["scans"], motion)
    yield {"first forecast": _sum(first["forecast"], first.get("motion", (0.0, 0.0)))}
    yield _forecast(method, asked["scans"], motion)
    yield {"peak_mb": peak_mb()}
    if asked["count"]:  # last, as it needs memory and time of its own
        yield {"flop_per_pixel": _flop_per_pixel(asked["method"])}


def _started(name: str, runtime: str, motion: _Watch) -> "Method":
    """The method, with all that it needs in memory."""
    import stormcell.motion

    for estimator in stormcell.motion.ESTIMATORS:
        setattr(stormcell.motion, estimator, motion.around(getattr(stormcell.motion, estimator)))
    from stormcell.methods import GuidedForecast, Learned, method_named
    from stormcell.methods.in_runtime import in_runtime

    method = method_named(name) if runtime == "-" else in_runtime(method_named(name), runtime)
    match method:
        case GuidedForecast():
            _ = method._residual
        case Learned():
            _ = method._forward_in
    return method


def _forecast(method: "Method", scans: str, motion: _Watch) -> dict[str, Any]:
    """From files to a file: seconds of each stage, and `field_gb`."""
    from stormcell.data.read import read
    from stormcell.products.netcdf import write_netcdf
    from stormcell.timeline import minutes

    reading, forecasting, writing, before = _Watch(), _Watch(), _Watch(), motion.seconds
    with reading:
        past = read(scans, last=method.past_steps)
    with forecasting:
        forecast = method(past, minutes(5, 5 * LEAD_TIMES, step=5), seed=0)
    with tempfile.TemporaryDirectory() as folder, writing:
        write_netcdf(forecast, Path(folder) / "forecast.nc")
    moving = _sum(motion.seconds, before, sign=-1)
    told: dict[str, Any] = {"read": reading.seconds, "forecast": _sum(forecasting.seconds, moving, sign=-1), "write": writing.seconds}
    return told | ({"motion": moving} if motion.used else {}) | {"field_gb": (past.nbytes + forecast.nbytes) / 1e9}


def _sum(one: tuple[float, float], other: tuple[float, float], *, sign: int = 1) -> tuple[float, float]:
    return one[0] + sign * other[0], one[1] + sign * other[1]


def _flop_per_pixel(name: str) -> float:
    """Operations in convolutions and matrix products of the network, in torch, for each pixel of a small domain of 1 km pixels."""
    import numpy as np
    from torch.utils.flop_counter import FlopCounterMode

    from stormcell.benchmark.costs.domain import scans_for
    from stormcell.methods import method_named
    from stormcell.timeline import minutes

    method: Any = method_named(name)
    side: int = round(_COUNTED * max(method._trained.config.pixel_km, 1.0))
    past = scans_for((side, side), method.past_steps)
    with FlopCounterMode(display=False) as counter:
        method(past, np.asarray(minutes(5, 5 * LEAD_TIMES, step=5)))
    return int(counter.get_total_flops()) / side**2


if __name__ == "__main__":
    from stormcell.benchmark.process import tell

    tell(stages, sys.argv[1])
