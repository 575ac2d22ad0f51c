"""`stormcell benchmark nowcast`: is the main job fast, frugal and skilful, and has it changed since an earlier version?

Three parts: *speed* of quick methods beside pysteps, and of whole processes; *skill* on real events; and *costs* of every method on every
domain in every runtime, for which no data are needed.
"""

import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stormcell.atomic import replacing
from stormcell.benchmark.costs.choice import Choice
from stormcell.benchmark.costs.comparison import comparison_text
from stormcell.benchmark.costs.growth import draw_growth, growth_table
from stormcell.benchmark.costs.measure import measure_costs
from stormcell.benchmark.costs.record import SCHEMA, read_costs
from stormcell.benchmark.costs.table import costs_table
from stormcell.benchmark.figures import write_figures
from stormcell.benchmark.process import stormcell_process
from stormcell.benchmark.report import REFERENCE, page, process_table, skill_table, speed_table, summary
from stormcell.benchmark.rounds import timed_rounds
from stormcell.benchmark.settings import running_commit
from stormcell.benchmark.skill import event_counts
from stormcell.data.read import read
from stormcell.errors import MissingExtraError, ReadError, StormcellError
from stormcell.methods import Method, method_named
from stormcell.motion import rover
from stormcell.progress import track
from stormcell.timeline import minutes
from stormcell.verification.contingency import csi

__all__ = ["EVENTS", "PARTS", "Event", "benchmark_nowcast", "data_folder"]

PARTS = ("speed", "skill", "costs")

COMPARED = ("persistence", "advection", "rover", "rover-linear", REFERENCE)  # quick ones; `stormcell verify` compares the skill of any
THRESHOLDS = (0.5, 1.0, 2.0, 5.0)


class Event(NamedTuple):
    """How an event is scored: frames in, frames between issue times, lead times [min], how many of its last frames, and which pixels."""

    past: int = 4
    every: int = 2
    leads: tuple[int, ...] = (30, 60)
    last: int | None = None
    crop: tuple[slice, slice] = (slice(None), slice(None))  # rows, columns


EVENTS: dict[str, Event] = {
    "knmi_2010-08-26": Event(every=4),
    "fmi_2016-09-28": Event(),
    "meteoswiss_2015-05-15": Event(),
    "meteoswiss_2017-01-31": Event(),
    "bom_melbourne_2018-06-16": Event(),
    "opera_odyssey_2018-08-24": Event(),
    "opera_cirrus_2024-11-26": Event(past=3, leads=(5, 10)),  # five frames are all there is
    # 42 minutes are all there is; the east, as the reference does not fit in 24 GB on the whole grid
    "mrms_2019-06-10": Event(leads=(30,), last=19, crop=(slice(500, 2500), slice(3500, 6500))),
}


def data_folder(given: Path | None) -> Path:
    """The folder of radar events: as given, or from the environment's STORMCELL_TEST_DATA, or beside the project.

    Raises:
        ReadError: it is not there.
    """
    folder = given or Path(os.environ.get("STORMCELL_TEST_DATA", Path.cwd().parent / "shared" / "radar"))
    if not (folder / "events").is_dir():
        raise ReadError(f"{folder}: expected a folder with radar events in events/; set STORMCELL_TEST_DATA or give --data")
    return folder


def benchmark_nowcast(
    data: Path | None,
    choice: Choice,
    *,
    output: Path | None = None,
    report: Path | None = None,
    against: Path | None = None,
    parts: Sequence[str] = PARTS,
    repeats: int = 7,
    processes: int = 3,
    limit: float = 300.0,
) -> dict[str, Any]:
    """Run everything, print each table as it is ready, and write the figures if asked.

    Args:
        data: folder that holds `events/`; see `data_folder`. Costs need none.
        choice: of what the costs are measured.
        output: JSON file for all figures.
        report: Markdown file for the tables; a picture of costs over pixels goes beside it, under its name with .png.
        against: a JSON file of an earlier run, with which the costs are compared.
        parts: some of `PARTS`.
        repeats: timed repetitions of each step of the part speed.
        processes: of the part costs, for each combination.
        limit: seconds that one of those may take.

    Returns:
        The figures; `stormcell.benchmark.report` makes tables of them.

    Raises:
        ReadError: there are no data, or the earlier figures are none.
        StormcellError: no such part, or what is for costs alone without that part.
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise StormcellError(f"--parts: there is no part {unknown[0]!r}: expected some of {', '.join(PARTS)}")
    if against and "costs" not in parts:
        raise StormcellError(f"--against {against}: compares costs, which are not among the parts {', '.join(parts)}; add costs")
    if choice.options and "costs" not in parts:
        raise StormcellError(f"{choice.options.strip()}: chooses costs, which are not among the parts {', '.join(parts)}; add costs")
    earlier = read_costs(against) if against else None
    events = data_folder(data) / "events" if {"speed", "skill"} & set(parts) else Path()
    command = "stormcell benchmark nowcast" + ("" if set(parts) == set(PARTS) else f" --parts {','.join(parts)}") + choice.options
    figures: dict[str, Any] = {"schema": SCHEMA, "command": command, "machine": _machine(), "versions": _versions()}
    methods = _methods() if {"speed", "skill"} & set(parts) else {}
    if "speed" in parts:
        figures["speed"] = _speed(events / "meteoswiss_2015-05-15", methods, repeats)
        print(speed_table(figures["speed"]))
        figures["process"] = _processes(events, repeats)
        print(process_table(figures["process"]))
    if "skill" in parts:
        figures["skill"] = _skills(events, methods)
        print(summary(figures))
    tables = {}
    if "costs" in parts:
        costs = measure_costs(choice, processes=processes, limit=limit)
        figures["costs"] = costs.plain()
        picture = report.with_suffix(".png") if report else None
        growth = growth_table(costs, picture.name if picture else None)
        if growth and picture:
            with replacing(picture) as beside:
                draw_growth(costs, beside)
        tables["costs"] = "\n".join(filter(None, (costs_table(costs), growth)))
        if earlier:
            tables["comparison"] = comparison_text(costs, earlier[0], who=_who(earlier[1]))
        print("\n".join(tables.values()))
    write_figures(figures, page(figures, **tables), output=output, report=report)
    return figures


def _machine() -> dict[str, Any]:
    return {"processor": _processor(), "cores": os.cpu_count(), "python": platform.python_version()}


def _versions() -> dict[str, str]:
    """Of stormcell, with the commit where there is one, and of what it computes with."""
    found = {}
    for package in ("stormcell", "numpy", "opencv-python-headless", "torch", "onnxruntime", "openvino", "pysteps"):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    commit = running_commit()
    return found | ({"commit": commit} if commit else {})


def _who(said: dict[str, dict[str, str]]) -> str:
    """Who measured, of a machine and versions."""
    machine, versions = said["machine"], said["versions"]
    commit = f" ({versions['commit'][:12]}{'-dirty' * versions['commit'].endswith('-dirty')})" if "commit" in versions else ""
    return (
        f"stormcell {versions.get('stormcell', 'of an unknown version')}{commit} on {machine.get('processor', 'an unknown processor')}, "
        f"{machine.get('cores', '?')} cores"
    )


def _processor() -> str:
    """The processor's name where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()


def _methods() -> dict[str, Method]:
    """Those that are compared; without pysteps there are no ratios, and that is said."""
    methods = {name: method_named(name) for name in COMPARED}
    if find_spec("pysteps") is None:
        del methods[REFERENCE]
        print(f"note: {MissingExtraError('pysteps', extra='pysteps', purpose='a ratio to the reference')}\n")
    return methods


def _speed(folder: Path, methods: dict[str, Method], repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each method for motion and 12 lead times on 640 x 710 pixels, rounds of all methods interleaved."""
    past = read(folder, last=4)
    leads = minutes(5, 60, step=5)
    calls: dict[str, Callable[[], Any]] = {name: (lambda method=method: method(past, leads)) for name, method in methods.items()}  # type: ignore[misc]
    calls["rover motion alone"] = lambda: rover(past.values)
    times = {name: np.array(seconds) * 1e3 for name, seconds in timed_rounds(calls, repeats).items()}
    return {name: {"median_ms": float(np.median(ms)), "min_ms": float(ms.min()), "max_ms": float(ms.max())} for name, ms in times.items()}


def _processes(events: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Whole processes, from start to files written."""
    swiss = [str(path) for path in sorted((events / "meteoswiss_2015-05-15").iterdir())[-4:]]
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "nowcast.nc")
        jobs = {
            "stormcell --help": (["--help"], repeats),
            "nowcast, 4 MeteoSwiss files, 60 min": (["nowcast", *swiss, "--lead", "60min", "-o", target], repeats),
            "nowcast, 4 MeteoSwiss files, 120 min": (["nowcast", *swiss, "-o", target], repeats),
            "nowcast, OPERA CIRRUS 4400 x 3800, 60 min": (
                ["nowcast", str(events / "opera_cirrus_2024-11-26"), "--lead", "60min", "-o", target],
                1,
            ),
            "nowcast, MRMS 3500 x 7000, 30 min": (["nowcast", str(events / "mrms_2019-06-10"), "--lead", "30min", "-o", target], 1),
        }
        for name, (arguments, count) in track(jobs.items(), "processes", total=len(jobs)):
            costs = [stormcell_process(arguments) for _ in range(count)]
            figures[name] = {"median_s": statistics.median(cost.seconds for cost in costs), "peak_mb": max(cost.peak_mb for cost in costs)}
    return figures


def _skills(events: Path, methods: dict[str, Method]) -> dict[str, Any]:
    """Of each event that is there, printed as soon as it is known."""
    skills = {}
    for name in EVENTS:
        if (events / name).is_dir():
            skills[name] = _skill(events / name, methods)
            print(skill_table({name: skills[name]}))
        else:
            print(f"{name}: not in this folder, left out\n")
    return skills


def _skill(folder: Path, methods: dict[str, Method]) -> dict[str, dict[str, dict[str, float]]]:
    """Critical success index of every method on one event: method -> lead time -> threshold -> value."""
    event = EVENTS[folder.name]
    counts = event_counts(
        folder,
        methods,
        lead_minutes=event.leads,
        thresholds=THRESHOLDS,
        past=event.past,
        every=event.every,
        last=event.last,
        crop=event.crop,
    )
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for method, table in counts.items():
        values = csi(table)
        leads = [int(lead / np.timedelta64(1, "m")) for lead in values["lead_time"].values]
        columns = values.transpose("lead_time", "threshold").values.round(4).tolist()
        scores[method] = {
            f"{lead} min": dict(zip(map(str, THRESHOLDS), row, strict=True)) for lead, row in zip(leads, columns, strict=True)
        }
    return scores
