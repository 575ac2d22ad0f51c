"""A page of docs/benchmarks from a hindcast on events of the test data: the tables of its report, under a head of its own."""

import re
from collections.abc import Sequence
from pathlib import Path

from stormcell.benchmark.nowcast import data_folder
from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from stormcell.benchmark.verification_report import MARKDOWN, write_report
from stormcell.cli.terminal import progress_and_warnings

EVENTS = ("fmi_2016-09-28", "knmi_2010-08-26", "meteoswiss_2015-05-15", "meteoswiss_2017-01-31")
SCORES = ("contingency", "continuous", "fss", "spectrum", "crps", "brier", "rank-histogram", "spread")


def write_page(page: Path, results: Path, head: str, methods: Sequence[str], *, workers: int = 1) -> None:
    """Run the hindcast, or go on with it, every hour, 5 to 60 minutes ahead, 8 members; and write the page."""
    events = [data_folder(None) / "events" / name for name in EVENTS]
    settings = Settings(methods, SCORES, lead="60min", every="60min", members=8)
    with progress_and_warnings():
        write_report(verify([str(event) for event in events], results, settings, workers=workers), results)
    text = re.sub(r"\n*Numbers: \[.*\]\(figures/.*\)", "", (results / MARKDOWN).read_text(encoding="utf-8"))
    tables = text.split("\n## Caught rain")[0]  # what follows is pictures
    page.write_text(head + re.sub(r"^# .*\n", "", tables), encoding="utf-8")
