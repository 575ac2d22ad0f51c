"""Write docs/benchmarks/classical.md: the classical methods on real events, as `make bench-classical` runs it.

It takes about half an hour on two cores, may be stopped at any time, and goes on where it was.
"""

from pathlib import Path

from hindcast_page import write_page

METHODS = ("persistence", "advection", "rover", "rover-linear", "pysteps-sprog", "pysteps-anvil", "pysteps-steps")
RESULTS, PAGE = Path("benchmark-results/classical"), Path("docs/benchmarks/classical.md")
HEAD = """# The classical methods on real events

Written by `make bench-classical`, which is `stormcell verify` on four events of the test data, every hour, 5 to 60 minutes ahead; STEPS has
8 members. The plots of the same run are on the page `benchmark-results/classical/report.html` that the command leaves, with every number
in the files beside it.
"""


if __name__ == "__main__":
    write_page(PAGE, RESULTS, HEAD, METHODS)
