"""`stormcell info`: what is in these radar files?"""

from typing import Annotated

import typer

__all__ = ["info"]


def info(
    inputs: Annotated[list[str], typer.Argument(metavar="PATH...", help="Radar files, folders, globs or a Zarr archive.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
    zr: Annotated[str | None, typer.Option(help="Z-R rule for reflectivity: marshall-palmer, hko-7, fmi, or a,b of your own.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out files that cannot be read, and say so.")] = False,
    isolated: Annotated[
        bool, typer.Option("--isolated", help="Decode in a process of its own with limits: for files of strangers.")
    ] = False,
) -> None:
    """Print times, gaps, grid, projection, wet and missing share of radar files."""
    import json

    from stormcell.cli.terminal import progress_and_warnings
    from stormcell.data.summary import summarise
    from stormcell.units import parse_zr_rule

    with progress_and_warnings():
        summary = summarise(inputs, zr=parse_zr_rule(zr) if zr else None, skip_bad=skip_bad, isolated=isolated)
    if as_json:
        print(json.dumps(summary.as_dict(), indent=2))
        return
    formats = ", ".join(f"{count} {name}" for name, count in summary.formats.items())
    step = f"every {summary.step_minutes:g} min" if summary.step_minutes else "a single scan"
    missing = f"{summary.missing_count} missing" + (f": {', '.join(summary.missing_scans[:6])}" if summary.missing_scans else "")
    missing += " ..." if summary.missing_count > 6 else ""
    if summary.gap_count > 1:
        missing += f" ({summary.gap_count} gaps, the longest of {_span(summary.longest_gap_minutes)})"
    west, south, east, north = summary.lonlat_box
    lines = {
        "files": f"{summary.files} ({formats})",
        "source": summary.source,
        "licence": summary.licence or "not stated",
        "times": f"{summary.first} to {summary.last}, {step}",
        "scans": f"{summary.scans}, {missing}" + (f", {summary.duplicate_scans} duplicate" if summary.duplicate_scans else ""),
        "grid": f"{summary.rows} rows x {summary.columns} columns, pixels of {summary.pixel_km:g} km",
        "crs": summary.crs,
        "edges": "west {:.6g}, south {:.6g}, east {:.6g}, north {:.6g}".format(*summary.edges),
        "lon/lat": f"{west:.3f} to {east:.3f} E, {south:.3f} to {north:.3f} N",
        "quantity": summary.quantity + (f" ({summary.zr_rule})" if summary.zr_rule else ""),
        "wet": f"{summary.wet_share:.1%} of what was seen is at or above 0.1 mm/h; largest {summary.largest_rain_rate:.1f} mm/h",
        "missing": f"{summary.missing_share:.1%} of all pixels"
        + (f"; {summary.screened_pixels} absurd pixels were set to missing" if summary.screened_pixels else ""),
    }
    for name, text in lines.items():
        print(f"{name:<9} {text}")


def _span(minutes: float) -> str:
    """A time that a person can grasp."""
    for unit, length in (("days", 1440.0), ("h", 60.0)):
        if minutes >= 2 * length:
            return f"{minutes / length:.3g} {unit}"
    return f"{minutes:.3g} min"
