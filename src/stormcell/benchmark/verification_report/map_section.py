"""The maps of single cases: rain as a picture, coastlines as lines over it."""

import base64
from io import BytesIO

import numpy as np
import pandas as pd

from stormcell.benchmark.verification_report.case_maps import CaseMaps, Field
from stormcell.benchmark.verification_report.document import Figure, KeyEntry, Panel, Section
from stormcell.benchmark.verification_report.evidence import lead_label
from stormcell.grid import Grid
from stormcell.products.coastlines import map_lines
from stormcell.products.colours import MISSING, RAIN_COLOURS, RAIN_LEVELS, rain_class
from stormcell.products.pictures.layout import DRY, UNSEEN, UNSEEN_HATCH, rgb
from stormcell.progress import track

__all__ = ["map_section"]

_HATCHED = MISSING - 1
_WET = 0.1  # mm h-1
_SHORTEST_LINE = 3.0  # pixels; what is smaller only clutters
_COAST, _BORDER = "#22303c", "#5b4636"
_READING = (
    "What came beside what was forecast for the same time, at the middle and the last lead time, in mm/h. Hatched grey was not seen by the "
    "radar, or lies where the method cannot know; pale is dry."
)


def map_section(cases: list[CaseMaps]) -> Section | None:
    """A figure for each case, a row for each lead time; None where there is none."""
    drawn = [case for case in cases if case.forecasts]
    if not drawn:
        return None
    text = [
        "The wettest case of each event (of the four wettest events, if there are more), among those that all methods forecast. Of an "
        "ensemble the mean is shown, which is smoother than any of its members."
    ]
    return Section("Maps of single cases", text, [_figure(case) for case in track(drawn, "drawing maps")])


def _figure(case: CaseMaps) -> Figure:
    lines = _lines(case.grid)
    panels, records = [], []
    for number, lead in enumerate(case.lead_times):
        valid = f"{pd.Timestamp(case.issue_time + lead):%H:%M} UTC"
        shown = {"radar": case.observed[number], **{name: fields[number] for name, fields in case.forecasts.items()}}
        for name, field in shown.items():
            members = case.members.get(name, 1)
            title = f"{name}, {valid}" if name == "radar" else f"{name}, +{lead_label(lead)}"
            title += f" (mean of {members})" if name != "radar" and members > 1 else ""
            facts = _facts(field)
            alt = (
                f"Map of rain, {title}: {facts['wet_share']:.1%} of what is known has 0.1 mm/h or more; "
                f"mean {facts['mean']:.2f}, highest {facts['highest']:.1f} mm/h."
            )
            panels.append(Panel(title, _svg(field, case.grid, lines), alt))
            records.append({"event": case.event, "issue_time": case.issue_time, "lead_time_min": lead / np.timedelta64(1, "m")})
            records[-1] |= {"field": name, **facts}
    stamp = pd.Timestamp(case.issue_time)
    return Figure(
        f"map_{case.event}",
        f"{case.event}, issued {stamp:%Y-%m-%d %H:%M} UTC",
        _READING,
        panels,
        pd.DataFrame.from_records(records),
        _key(),
        columns=len(case.forecasts) + 1,
    )


def _facts(field: Field) -> dict[str, float]:
    seen = field[np.isfinite(field)]
    if seen.size == 0:
        return {"wet_share": np.nan, "mean": np.nan, "highest": np.nan}
    return {"wet_share": float((seen >= _WET).mean()), "mean": float(seen.mean(dtype=np.float64)), "highest": float(seen.max())}


def _svg(field: Field, grid: Grid, lines: str) -> str:
    rows, columns = grid.shape
    high = _height(grid)
    return (
        f'<svg viewBox="0 0 {columns} {high:.1f}"><image href="data:image/png;base64,{_png(field)}" width="{columns}" height="{high:.1f}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated"/>{lines}</svg>'
    )


def _height(grid: Grid) -> float:
    """Of the map, in widths of a pixel: degrees of longitude are shorter than those of latitude."""
    dx, dy = grid.pixel
    narrow = float(np.cos(np.radians(grid.y.mean()))) if grid.crs.is_geographic else 1.0
    return grid.shape[0] * dy / (dx * narrow)


def _png(field: Field) -> str:
    """The rain's classes as an indexed picture, in base64."""
    from PIL import Image

    classes = rain_class(field)
    row, column = np.ogrid[: classes.shape[0], : classes.shape[1]]
    classes[(classes == MISSING) & ((row + column) % 8 < 2)] = _HATCHED
    classes[classes >= _HATCHED] -= np.uint8(_HATCHED - len(RAIN_COLOURS) - 1)  # a short palette makes a small file
    picture = Image.fromarray(classes)
    colours = (DRY, *RAIN_COLOURS, UNSEEN_HATCH, UNSEEN)
    picture.putpalette([part for colour in colours for part in rgb(colour)])
    file = BytesIO()
    picture.save(file, format="PNG", optimize=True, bits=4)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _lines(grid: Grid) -> str:
    """Coastlines and borders as paths, in units of the map, to a tenth of a pixel."""
    west, south, east, north = grid.edges
    scale = np.array([grid.shape[1] / (east - west), _height(grid) / (north - south)])
    size = np.array([grid.shape[1], _height(grid)])
    lines = map_lines(grid)
    paths = []
    for group, colour in ((lines.borders, _BORDER), (lines.coast, _COAST)):
        steps = []
        for line in group:
            points = np.round((line - [west, north]) * scale * [1, -1], 1)
            near = ((points > -5) & (points < size + 5)).all(axis=1)
            if not near.any() or np.ptp(points, axis=0).max() < _SHORTEST_LINE:
                continue
            moved = np.ones(len(points), bool)
            moved[1:] = np.abs(np.diff(points, axis=0)).max(axis=1) >= 0.3
            kept = moved & (near | np.roll(near, 1) | np.roll(near, -1))
            pieces = np.split(points[kept], np.flatnonzero(np.diff(np.flatnonzero(kept)) > 20) + 1)
            steps += ["M" + "L".join(f"{x:g} {y:g}" for x, y in piece) for piece in pieces if len(piece) > 1]
        if steps:
            width = 0.0022 * max(size)
            paths.append(f'<path d="{"".join(steps)}" fill="none" stroke="{colour}" stroke-width="{width:.2f}"/>')
    return "".join(paths)


def _key() -> list[KeyEntry]:
    box = '<svg viewBox="0 0 24 14"><rect x="0.5" y="0.5" width="23" height="13" fill="{}" stroke="#6b7783" stroke-width="0.6"/>{}</svg>'
    hatch = f'<path d="M4 13.5L14 0.5M12 13.5L22 0.5" stroke="{UNSEEN_HATCH}" stroke-width="2.5"/>'
    classes = zip(RAIN_COLOURS, RAIN_LEVELS, [*RAIN_LEVELS[1:], None], strict=True)
    named = [(colour, f"{low:g} to {high:g}" if high else f"{low:g} and more") for colour, low, high in classes]
    return [
        KeyEntry(box.format(UNSEEN, hatch), "not known"),
        KeyEntry(box.format(DRY, ""), "dry"),
        *(KeyEntry(box.format(colour, ""), label) for colour, label in named),
    ]
