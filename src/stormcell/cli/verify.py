"""`stormcell verify`: forecasts of past events held against what came, method beside method."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

    from stormcell.benchmark.results import Results
    from stormcell.methods import Method

__all__ = ["check_output", "verify"]


def verify(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Radar files, folders, globs or a Zarr archive; each folder is an event.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="REPORT_DIR", help="Folder for the results.")],
    methods: Annotated[
        str, typer.Option("--methods", "-m", help="What to compare, with commas between; folders of trained networks too.")
    ] = "persistence,advection",
    scores: Annotated[str, typer.Option(help="Families of scores, with commas between.")] = "contingency,continuous",
    lead: Annotated[str, typer.Option(help="How far ahead: 60min, 2h, 1h30min.")] = "60min",
    lead_every: Annotated[str | None, typer.Option(help="Distance of the lead times scored; every radar step if left out.")] = None,
    every: Annotated[str, typer.Option(help="Distance of the issue times.")] = "30min",
    past: Annotated[int | None, typer.Option(min=2, help="How many past scans to use; what the methods need if left out.")] = None,
    members: Annotated[int, typer.Option(min=1, help="Size of the ensembles, for methods that make one.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Another number, other random members.")] = 0,
    zr: Annotated[str | None, typer.Option(help="Z-R rule for reflectivity: marshall-palmer, hko-7, fmi, or a,b of your own.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many local processes; more than 1 needs the extra 'cloud'.")] = 1,
    dask: Annotated[str | None, typer.Option(metavar="tcp://HOST:PORT", help="Work on the Dask cluster of this scheduler.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out files that cannot be read, and say so.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew: throw away results of an earlier run in REPORT_DIR.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Work again on cases on which a method failed.")] = False,
    by: Annotated[str, typer.Option(help="Also scores by kind of weather: season, regime, or both with a comma between.")] = "",
    report: Annotated[bool, typer.Option("--report/--no-report", help="Also write a page with plots, tables and maps.")] = True,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also compare the method that this calibration is of, calibrated.")
    ] = None,
) -> None:
    """Forecast past events with several methods and score them against what came. Run it again to go on after a stop."""
    from stormcell.benchmark.run import TABLE, table_by
    from stormcell.benchmark.run import verify as run_hindcast
    from stormcell.benchmark.settings import Settings
    from stormcell.benchmark.verification_report import MARKDOWN, PAGE
    from stormcell.cli.terminal import progress_and_warnings, say_written
    from stormcell.units import parse_zr_rule

    check_output(inputs, output)
    settings = Settings(
        methods=_methods(_listed(methods), calibration),
        scores=_listed(scores),
        lead=lead,
        lead_every=lead_every,
        every=every,
        past=past,
        members=members,
        seed=seed,
        zr=parse_zr_rule(zr) if zr else None,
    )
    if not fresh:
        _say_going_on(output)
    with progress_and_warnings():
        how = {"skip_bad": skip_bad, "fresh": fresh, "retry_failed": retry_failed, "report": report}
        kinds = list(dict.fromkeys(_listed(by)))
        results = run_hindcast(inputs, output, settings, workers=dask or workers, by=kinds, **how)
    _say(results)
    for kind in kinds:
        _say_by(results, kind)
    for name in (TABLE, *map(table_by, kinds), *((PAGE, MARKDOWN) if report else ())):
        say_written([output / name])


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _methods(names: list[str], folder: Path | None) -> "list[str] | dict[str, Method]":
    """The methods to compare: their names; or by name, where one is the folder of a trained network, or a calibration is compared too."""
    import re

    from stormcell.errors import MethodError
    from stormcell.methods import method_named

    labels = {name: re.sub(r"[^\w.-]+", "_", name).strip("._") for name in names}  # runs/mine/best is runs_mine_best in tables
    if folder is None and list(labels.values()) == names or len(labels) < len(names):
        return names
    if len(set(labels.values())) < len(labels):
        raise MethodError(f"--methods {','.join(names)}: two of them are {' and '.join(labels.values())} in tables; rename a folder")
    if folder is None:
        return {label: method_named(name) for name, label in labels.items()}
    return _with_calibrated(labels, folder)


def _with_calibrated(labels: dict[str, str], folder: Path) -> "dict[str, Method]":
    """These methods, and after the one that the calibration is of, the same with it."""
    from stormcell.errors import MethodError
    from stormcell.methods import method_named
    from stormcell.methods.calibrated import Calibrated, identity_of, uncalibrated
    from stormcell.methods.calibration_file import read_calibration

    calibration = read_calibration(folder)
    methods: dict[str, Method] = {}
    for name, label in labels.items():
        methods[label] = uncalibrated(method_named(name))
        if identity_of(name) == calibration.method:
            methods[f"{label}-calibrated"] = Calibrated(methods[label], calibration)
    if len(methods) == len(labels):
        raise MethodError(f"{folder}: is the calibration of {calibration.method}, which is not among --methods {','.join(labels)}; add it")
    return methods


def check_output(inputs: list[str], output: Path) -> None:
    """Refuse to write into an input folder, or where a glob looks for input: the next run would take the results for radar data."""
    from fnmatch import fnmatch
    from glob import has_magic

    from stormcell.errors import StormcellError

    if output.exists() and not output.is_dir():
        raise StormcellError(f"{output}: is not a folder; expected the name of one for the results")
    for item in inputs:
        place, among = output.resolve(), Path(item).resolve()
        if place.is_relative_to(among) if among.is_dir() else has_magic(item) and fnmatch(str(place), str(among)):
            raise StormcellError(f"{output}: lies in the input {item}; choose another folder for the results")


def _say_going_on(output: Path) -> None:
    from stormcell.benchmark.results import Results
    from stormcell.errors import ReadError

    try:
        finished = Results(output).cases["finished"]
    except ReadError:  # a new run
        return
    if not finished.all():
        print(f"going on  with {output}, where {finished.sum()} of {finished.size} cases are done", flush=True)


def _say(results: "Results") -> None:
    """What was compared, and the critical success index of each method at the middle and the last lead time."""
    from stormcell.benchmark.results import POOLED

    cases, failures = results.cases, results.failures
    left_out = f", {results.incomplete} issue times left out for missing scans" if results.incomplete else ""
    print(f"cases     {cases['common'].sum()} of {cases['finished'].sum()}, on which all methods made a forecast{left_out}")
    for method, failed in failures.groupby("method", sort=False):
        first = failed.iloc[0]
        print(f"failed    {method} on {len(failed)} cases; the first, {first['issue_time']:%Y-%m-%d %H:%M}: {first['message']}")
    table = results.table()
    table = table[table["score"] == "csi"]
    pooled = table["event"] == POOLED
    for (event, family), part in (table[pooled] if pooled.any() else table).groupby(["event", "family"], sort=False):
        names = [str(name) for name, usual in ((event, POOLED), (family, "contingency")) if name != usual]
        leads = sorted(part["lead_time_min"].unique())
        for lead in dict.fromkeys((leads[(len(leads) - 1) // 2], leads[-1])):
            _say_table(f"CSI after {lead:g} min", ", ".join(names), part[part["lead_time_min"] == lead])


def _say_by(results: "Results", kind: str) -> None:
    """The critical success index at the last lead time, season by season or regime by regime."""
    table = results.table(kind)
    for (label, family), part in table[table["score"] == "csi"].groupby([kind, "family"], sort=False):
        last = part[part["lead_time_min"] == part["lead_time_min"].max()]
        cases, days = last.iloc[0][["cases", "days"]]
        of = f"{kind} {label}, {cases} cases on {days} {'day' if days == 1 else 'days'}" + (
            f", {family}" if family != "contingency" else ""
        )
        _say_table(f"CSI after {last.iloc[0]['lead_time_min']:g} min", of, last)


def _say_table(title: str, of: str, rows: "pd.DataFrame") -> None:
    values = rows.pivot(index="method", columns="threshold", values="value").reindex(rows["method"].unique())
    print(f"\n{of}" if of else "")
    print(f"{title:<24}" + "".join(f"{threshold:>6g} mm/h" for threshold in values.columns))
    for method, row in values.iterrows():
        print(f"{method:<24}" + "".join(f"{value:>11.3f}" for value in row))
