"""`stormcell ingest`: radar files into an archive."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ingest"]


def ingest(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Radar files, folders, globs or Zarr archives, in any order.")],
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE.zarr", help="The archive; made if it is not there.")],
    zr: Annotated[str | None, typer.Option(help="Z-R rule for reflectivity: marshall-palmer, hko-7, fmi, or a,b of your own.")] = None,
    licence: Annotated[str | None, typer.Option(metavar="SPDX", help="Licence of the data, as an SPDX identifier: CC-BY-4.0.")] = None,
    source: Annotated[str | None, typer.Option(help="Whose radars; what the files say if left out.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Another attribute of the archive; may be repeated.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Layout of a new archive: default, or mlcast, held to that collection's rules.")
    ] = None,
    step: Annotated[str | None, typer.Option(help="Time between two scans of a new archive, 5min; found if left out.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many local processes; more than 1 needs the extra 'cloud'.")] = 1,
    dask: Annotated[str | None, typer.Option(metavar="tcp://HOST:PORT", help="Decode on the Dask cluster of this scheduler.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out files that cannot be read, and say so.")] = False,
    isolated: Annotated[
        bool, typer.Option("--isolated", help="Decode in a process of its own with limits: for files of strangers.")
    ] = False,
) -> None:
    """Add radar files to an archive. What it holds already is left as it is, so run it again whenever you like."""
    import pandas as pd

    from stormcell.cli.terminal import progress_and_warnings
    from stormcell.data.archive import PROFILES, Archive
    from stormcell.data.ingest import ingest as add
    from stormcell.data.licence import spdx
    from stormcell.errors import StormcellError
    from stormcell.units import parse_zr_rule

    if archive.suffix != ".zarr":
        raise StormcellError(f"{archive}: expected the name of the archive last, one that ends in .zarr")
    if profile not in (None, *PROFILES):
        raise StormcellError(f"--profile {profile}: expected one of {', '.join(PROFILES)}")
    attrs = dict(_pair(text) for text in attribute or [])
    attrs |= {"source": source} if source else {}
    attrs |= {"licence": spdx(licence)} if licence else {}
    rule = parse_zr_rule(zr) if zr else None
    every = _span(step) if step else None
    how: dict[str, Any] = {"profile": profile, "workers": dask or workers, "skip_bad": skip_bad, "isolated": isolated}
    with progress_and_warnings():
        done = add(inputs, archive, zr=rule, step=every, attrs=attrs, **how)
    print(f"added     {done.new} scans, {done.known} were there already" + (f", {done.skipped} left out" if done.skipped else ""))
    held = Archive(archive)
    if not len(held):
        print("archive   holds no scan yet")
        return
    first, last = (pd.Timestamp(held.axis[index]) for index in (0, -1))
    scans = int(held.present.sum())
    print(f"archive   {scans} scans, {len(held) - scans} missing, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, {held.fingerprint}")


def _pair(text: str) -> tuple[str, str]:
    from stormcell.errors import StormcellError

    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals and value):
        raise StormcellError(f"--attribute {text!r}: expected NAME=VALUE")
    return name, value


def _span(text: str) -> "np.timedelta64":
    import pandas as pd

    from stormcell.errors import StormcellError

    try:
        step = pd.Timedelta(text)
    except ValueError:
        raise StormcellError(f"--step {text!r} is not understood: expected something like 5min") from None
    if not pd.Timedelta("1s") <= step <= pd.Timedelta("1day"):  # a number without a unit is of nanoseconds
        raise StormcellError(f"--step {text!r}: expected a number and its unit, such as 5min, from 1s to 1day")
    return step.to_timedelta64()
