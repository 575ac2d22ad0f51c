"""From the results of a hindcast to its report."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from stormcell.atomic import replacing
from stormcell.benchmark.results import Results
from stormcell.benchmark.verification_report.case_maps import CaseMaps
from stormcell.benchmark.verification_report.csi_table import csi_table, weather_table
from stormcell.benchmark.verification_report.document import Document, Section
from stormcell.benchmark.verification_report.evidence import Evidence
from stormcell.benchmark.verification_report.fss_chart import fss_chart
from stormcell.benchmark.verification_report.horizon_table import horizon_table
from stormcell.benchmark.verification_report.lead_time_curves import lead_time_curves
from stormcell.benchmark.verification_report.map_section import map_section
from stormcell.benchmark.verification_report.markdown import markdown
from stormcell.benchmark.verification_report.page import page
from stormcell.benchmark.verification_report.performance_diagram import performance_diagram
from stormcell.benchmark.verification_report.power_spectra import power_spectra
from stormcell.benchmark.verification_report.rank_figure import rank_figure
from stormcell.benchmark.verification_report.reliability_diagram import reliability_diagram
from stormcell.benchmark.verification_report.roc_curve import roc_curve
from stormcell.benchmark.verification_report.score_table import score_table
from stormcell.benchmark.verification_report.summary import common_pixel_km, summary

__all__ = ["MARKDOWN", "PAGE", "write_document", "write_report"]

PAGE, MARKDOWN = "report.html", "report.md"


class _Part(NamedTuple):
    """A section that may be left out: what it shows, how it is made, and what to ask for to have it."""

    what: str
    make: Callable[[Evidence], Section | None]
    wanted: str


def write_report(results: Results, folder: str | Path, *, maps: Sequence[CaseMaps] = ()) -> list[Path]:
    """Write `report.html`, `report.md`, and the numbers behind each figure and table as `figures/NAME.csv`.

    What the run's scores do not allow is left out, and the report says what to ask for. The same results give the same bytes. CSVs of a
    report that stood in the folder before, and of which this one has none, are removed.

    Args:
        results: of a hindcast, finished or not.
        folder: where to; made if it is not there.
        maps: cases to show as maps; see `case_maps`.

    Returns:
        The files: the page, the Markdown, then the CSVs.

    Raises:
        StormcellError: a score of the run is not one of this package's, and was not given when the results were opened.
        WriteError: the folder cannot be written.
    """
    return write_document(_document(results, maps), folder)


def write_document(document: Document, folder: str | Path) -> list[Path]:
    """Write a document as `report.html`, `report.md` and `figures/NAME.csv`, and remove CSVs of an earlier one that it has no use for.

    Returns:
        The files: the page, the Markdown, then the CSVs.

    Raises:
        WriteError: the folder cannot be written.
    """
    target = Path(folder)
    before = _files_of(target / PAGE)
    written = [target / PAGE, target / MARKDOWN]
    for path, text in zip(written, (page(document), markdown(document)), strict=True):
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")
    for name, numbers in document.files.items():
        path = target / "figures" / f"{name}.csv"
        with replacing(path) as beside:
            numbers.to_csv(beside, index=False)
        written.append(path)
    for old in before - set(written):
        old.unlink(missing_ok=True)
    return written


def _files_of(page: Path) -> set[Path]:
    """The CSVs that an earlier report links to."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    return {page.parent / "figures" / name for name in re.findall(r'href="figures/([\w.-]+\.csv)"', text)}


def _document(results: Results, maps: Sequence[CaseMaps]) -> Document:
    sections = [summary(results)]
    missing = []
    if results.cases["common"].any():
        evidence = Evidence(results)
        for part in _parts(evidence, maps):
            section = part.make(evidence)
            if section is None:
                missing.append(f"{part.what}: {part.wanted}.")
            else:
                sections.append(section)
    if missing:
        sections.append(Section("Not in this report", missing))
    return Document(_title(results), sections)


def _parts(evidence: Evidence, maps: Sequence[CaseMaps]) -> list[_Part]:
    ensemble = "" if evidence.ensembles else " --members 20 and a method that makes ensembles, with"
    fss = partial(fss_chart, pixel_km=common_pixel_km(evidence.results))
    return [
        _Part("Table of CSI", csi_table, "ask for --scores contingency"),
        _Part("Other scores", score_table, "ask for --scores contingency,continuous"),
        _Part("Seasons and regimes", weather_table, "ask for --scores contingency, and give events of different weather"),
        _Part("Scores by lead time", lead_time_curves, "ask for --scores contingency,continuous"),
        _Part("Lead time until skill is lost", horizon_table, "ask for --scores contingency"),
        _Part("Performance diagram", performance_diagram, "ask for --scores contingency"),
        _Part("Fractions skill score", fss, "ask for --scores fss"),
        _Part("Power spectra", power_spectra, "ask for --scores spectrum"),
        _Part("Reliability diagram", reliability_diagram, f"ask for{ensemble} --scores brier"),
        _Part("ROC curve", roc_curve, f"ask for{ensemble} --scores brier"),
        _Part("Rank histogram", rank_figure, f"ask for{ensemble} --scores rank-histogram"),
        _Part("Maps", lambda _: map_section(list(maps)), "made by 'stormcell verify', and by write_report(..., maps=case_maps(...))"),
    ]


def _title(results: Results) -> str:
    times: pd.Series[pd.Timestamp] = results.cases["issue_time"]
    first, last = (f"{time:%Y-%m-%d}" for time in (times.min(), times.max()))
    return f"Verification of rain forecasts, {first if first == last else f'{first} to {last}'}"
