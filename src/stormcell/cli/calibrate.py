"""`stormcell calibrate`: learn from past events what a method's probabilities, or its rain rates, are worth."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["calibrate"]


def calibrate(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Radar files, folders, globs or a Zarr archive; each folder is an event.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for calibration.json and the report.")],
    method: Annotated[str, typer.Option("--method", "-m", help="What to calibrate.")] = "steps",
    members: Annotated[int, typer.Option(min=1, help="Size of the ensembles, for methods that make one.")] = 1,
    kind: Annotated[
        str | None,
        typer.Option(
            help="isotonic or logistic, of probabilities; quantile or decision, of rain rates. isotonic for ensembles, else quantile."
        ),
    ] = None,
    thresholds: Annotated[str, typer.Option(help="Rain rates whose probabilities are calibrated, with commas between.")] = "0.5,1,2,5",
    split: Annotated[
        str | None,
        typer.Option(help="What the report holds out at a time: day, event or block. Days, or blocks if there is one day only."),
    ] = None,
    lead: Annotated[str, typer.Option(help="How far ahead: 60min, 2h, 1h30min.")] = "60min",
    lead_every: Annotated[str | None, typer.Option(help="Distance of the lead times; every radar step if left out.")] = None,
    every: Annotated[str, typer.Option(help="Distance of the issue times.")] = "30min",
    past: Annotated[int | None, typer.Option(min=2, help="How many past scans to use; what the method needs if left out.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another number, other random members.")] = 0,
    zr: Annotated[str | None, typer.Option(help="Z-R rule for reflectivity: marshall-palmer, hko-7, fmi, or a,b of your own.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many local processes; more than 1 needs the extra 'cloud'.")] = 1,
    dask: Annotated[str | None, typer.Option(metavar="tcp://HOST:PORT", help="Work on the Dask cluster of this scheduler.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out files that cannot be read, and say so.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew: throw away results of an earlier run in FOLDER.")] = False,
) -> None:
    """Learn a calibration by hindcast, and show what it gains. Run it again to go on after a stop, or with another kind."""
    from stormcell.benchmark.calibrate import calibrate as learn
    from stormcell.benchmark.settings import Settings
    from stormcell.benchmark.verification_report import MARKDOWN, PAGE
    from stormcell.cli.terminal import progress_and_warnings, say_written
    from stormcell.cli.verify import check_output
    from stormcell.methods import method_named
    from stormcell.methods.calibrated import identity_of, uncalibrated
    from stormcell.methods.calibration_file import NAME
    from stormcell.units import parse_zr_rule

    check_output(inputs, output)
    settings = Settings(
        methods={Path(method).name.replace(":", "-"): uncalibrated(method_named(method))},  # guided:mean is guided-mean in tables
        lead=lead,
        lead_every=lead_every,
        every=every,
        past=past,
        members=members,
        seed=seed,
        zr=parse_zr_rule(zr) if zr else None,
    )
    with progress_and_warnings():
        learnt = learn(
            inputs,
            output,
            settings,
            identity=identity_of(method),
            kind=kind,
            thresholds=_rates(thresholds),
            split=split,
            workers=dask or workers,
            skip_bad=skip_bad,
            fresh=fresh,
        )
    print(f"learnt    {learnt.kind} calibration of {method} from {learnt.cases} forecasts, to {learnt.lead_minutes[-1]:g} min ahead")
    for name in (NAME, PAGE, MARKDOWN):
        say_written([output / name])


def _rates(text: str) -> tuple[float, ...]:
    from stormcell.errors import UnitsError

    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise UnitsError(
            f"--thresholds {text!r} is not understood: expected rain rates in mm/h with commas between, such as 0.5,1,5"
        ) from None
