"""Write docs/benchmarks/ensemble-skill.md: S-PROG and STEPS beside those of pysteps on real events, as `make bench-ensemble` does.

It takes about a quarter of an hour on two cores, may be stopped at any time, and goes on where it was.
"""

from pathlib import Path

from hindcast_page import write_page

METHODS = ("sprog", "pysteps-sprog", "steps", "pysteps-steps")
RESULTS, PAGE = Path("benchmark-results/ensemble-skill"), Path("docs/benchmarks/ensemble-skill.md")
HEAD = """# S-PROG and STEPS beside those of pysteps

Written by `make bench-ensemble`, which is `stormcell verify` on four events of the test data, every hour, 5 to 60 minutes ahead; ensembles
of 8 members, pysteps at its documented defaults. The plots of the same run (reliability, rank histograms, spectra, maps) are on the page
`benchmark-results/ensemble-skill/report.html` that the command leaves, with every number in the files beside it.
"""


if __name__ == "__main__":
    write_page(PAGE, RESULTS, HEAD, METHODS, workers=2)
