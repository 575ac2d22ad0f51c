"""`stormcell adapt`: a model learns from the radar that it forecasts, and what serves best is used."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["adapt"]


def adapt(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Radar files, folders, globs or a Zarr archive; what was learnt is passed over.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder that is the method; it goes on where it was.")],
    method: Annotated[str | None, typer.Option("--method", "-m", help="Model to begin from, name or folder; not needed to go on.")] = None,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate of the online variant (AdaGrad).")] = 1e-4,
    half_life: Annotated[float, typer.Option(min=0.1, help="Hours after which a score counts half.")] = 12.0,
    zr: Annotated[str | None, typer.Option(help="Z-R rule for reflectivity: marshall-palmer, hko-7, fmi, or a,b of your own.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out files that cannot be read, and say so.")] = False,
) -> None:
    """Hold past forecasts against the scans that came, learn from each, and keep in use what scored best. Run it again as scans come in."""
    from stormcell.cli.terminal import progress_and_warnings
    from stormcell.data.read import read
    from stormcell.errors import MissingExtraError
    from stormcell.units import parse_zr_rule

    try:
        from stormcell.training.online import Online
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "lightning", extra="train", purpose="learning online") from error
    count = 0
    with progress_and_warnings():
        online = Online(output, method, rate=rate, half_life=half_life)
        for lesson in online.lessons(read(inputs, zr=parse_zr_rule(zr) if zr else None, skip_bad=skip_bad)):
            count += 1
            again = "; online learning started again" if lesson.started_again else ""
            changed = f", now {lesson.chosen}" if lesson.chosen != lesson.in_use else ""
            print(f"{str(lesson.issue_time)[:16]}  in use {lesson.in_use}{changed}{again}")
    scores = ", ".join(f"{name} {score:.3f}" for name, score in sorted(online.guard.scores.items()))
    print(f"learnt    from {count} forecasts{f', {scores} (CSI)' if scores else ''}")
    if online.last is not None:
        print(f"in use    {online.chosen}: stormcell nowcast --method {output}")
