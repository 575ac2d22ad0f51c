"""Write docs/benchmarks/ensemble-skill.md: S-PROG and STEPS beside those of pysteps on real events, as `make bench-ensemble` does.

It takes about a quarter of an hour on two cores, may be stopped at any time, and goes on where it was.
"""

import re
from pathlib import Path

from stormcell.benchmark.nowcast import data_folder
from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from stormcell.benchmark.verification_report import MARKDOWN, write_report
from stormcell.cli.terminal import progress_and_warnings

EVENTS = ("fmi_2016-09-28", "knmi_2010-08-26", "meteoswiss_2015-05-15", "meteoswiss_2017-01-31")
METHODS = ("sprog", "pysteps-sprog", "steps", "pysteps-steps")
SCORES = ("contingency", "continuous", "fss", "spectrum", "crps", "brier", "rank-histogram", "spread")
RESULTS, PAGE = Path("benchmark-results/ensemble-skill"), Path("docs/benchmarks/ensemble-skill.md")
HEAD = """# S-PROG and STEPS beside those of pysteps

Written by `make bench-ensemble`, which is `stormcell verify` on four events of the test data, every hour, 5 to 60 minutes ahead; ensembles
of 8 members, pysteps at its documented defaults. The plots of the same run (reliability, rank histograms, spectra, maps) are on the page
`benchmark-results/ensemble-skill/report.html` that the command leaves, with every number in the files beside it.
"""


def main() -> None:
    """Run the hindcast, or go on with it, and write the page."""
    events = [data_folder(None) / "events" / name for name in EVENTS]
    settings = Settings(METHODS, SCORES, lead="60min", every="60min", members=8)
    with progress_and_warnings():
        results = verify([str(event) for event in events], RESULTS, settings, workers=2)
        write_report(results, RESULTS)
    text = re.sub(r"\n*Numbers: \[.*\]\(figures/.*\)", "", (RESULTS / MARKDOWN).read_text(encoding="utf-8"))
    tables = text.split("\n## Caught rain")[0]  # what follows is pictures
    PAGE.write_text(HEAD + re.sub(r"^# .*\n", "", tables), encoding="utf-8")


if __name__ == "__main__":
    main()
