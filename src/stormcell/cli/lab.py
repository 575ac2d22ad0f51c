"""`stormcell lab`: the claims of the review as experiments to run and look at, and the book of them."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["lab"]

lab = typer.Typer(help="The claims of the review on recurrent networks, as experiments to run and look at.", no_args_is_help=True)

_Runs = Annotated[
    Path, typer.Option("-o", "--output", metavar="DIR", help="Folder in which each experiment leaves its pictures and numbers.")
]
_Full = Annotated[bool, typer.Option("--full", help="The long versions, of those that have one.")]


@lab.command("list")
def list_experiments(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False) -> None:
    """List the experiments and the claims that they put to the test."""
    import json
    from textwrap import fill

    from stormcell.lab import EXPERIMENTS

    if as_json:
        keys = ("title", "claim", "place", "longer")
        print(json.dumps([{"name": name, **{key: getattr(one, key) for key in keys}} for name, one in EXPERIMENTS.items()], indent=2))
        return
    for name, one in EXPERIMENTS.items():
        print(f"{name}: {one.title}{' (has a longer version)' if one.longer else ''}")
        print(fill(f"{one.claim} [{one.place}]", 100, initial_indent="  ", subsequent_indent="  "))


@lab.command("run")
def run(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Experiments of `stormcell lab list`; `all` for all of them.")],
    output: _Runs = Path("lab"),
    full: _Full = False,
) -> None:
    """Run experiments: print what they measured, write plots and a JSON of all numbers. Exit status 1 if a claim does not hold."""
    from stormcell.cli.terminal import progress_and_warnings
    from stormcell.lab import EXPERIMENTS
    from stormcell.lab.run import experiment_named, run_experiment

    chosen = list(EXPERIMENTS) if names == ["all"] else names
    for name in chosen:
        experiment_named(name)
    hold = True
    for name in chosen:
        with progress_and_warnings():
            record = run_experiment(name, output, full=full)
        hold = hold and record.holds
        print(f"{name}: {experiment_named(name).title}, {record.seconds:.0f} s")
        for check in record.checks:
            print(f"  {'holds' if check['holds'] else 'FAILS'}  {check['says']}: {_number(check['value'])} ({_needed(check)})")
        for picture in record.pictures:
            print(f"  {picture['message']}\n    {output / name / picture['file']}")
    if not hold:
        raise typer.Exit(1)


@lab.command("report")
def report(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of the book.")] = Path("book"),
    runs: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder with what the experiments left; what is not there, or old, runs.")
    ] = Path("lab"),
    full: _Full = False,
) -> None:
    """Write the book, "the review, run": pages that open without a server. Runs whatever has not run yet, half an hour for all."""
    from stormcell.cli.terminal import progress_and_warnings
    from stormcell.lab import EXPERIMENTS
    from stormcell.lab.book import write_book
    from stormcell.lab.interactive import write_interactive
    from stormcell.lab.run import read_record, run_experiment

    records = []
    for name, experiment in EXPERIMENTS.items():
        record = read_record(name, runs)
        longer = full and bool(experiment.longer)
        if record is None or not record.is_current or (longer and not record.full):
            print(f"{name}: {experiment.title}")
            with progress_and_warnings():
                record = run_experiment(name, runs, full=longer)
        records.append(record)
    with progress_and_warnings():
        interactive = write_interactive(output)
    first = write_book(records, runs, output, interactive=interactive)
    for record in records:
        if not record.holds:
            print(f"{record.name}: its claim does not hold in this run")
    print(f"wrote     {first}, {len(records)} chapters")


def _number(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.4g}"


def _needed(check: dict[str, float | None]) -> str:
    words = {"at_least": "at least", "at_most": "at most"}
    return ", ".join(f"{word} {check[key]:.4g}" for key, word in words.items() if check[key] is not None)
