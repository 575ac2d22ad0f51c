"""Write docs/soak.md: a day of the live service in minutes, with clients that never pause, while something breaks all the time.

python -m tools.make_soak_page [--scans 288] [--every 2.2] [--seed 0] [-o docs/soak.md]
"""

import argparse
import os
import platform
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.trust.faults import small_disk
from tests.trust.soak import METHODS, SHAPE, Plan, Report, Soak

PAGE = Path("docs/soak.md")
DISK = 2_000  # MB

_HEAD = """# Soak

Written by `make soak` (`tools/make_soak_page.py`): a day of the live service in {minutes:.0f} minutes. `stormcell serve`, as an
operator starts it, watches a folder into which the {scans} scans of a day come, one every {every:g} seconds, {rows} x {columns} pixels;
it forecasts an hour from each by {methods}. {clients} clients ask for all that there is to ask without a pause, one more listens to the
stream of events, and all the while something breaks; random by seed {seed}. The state of the service lies on a disk of its own.
{cores} cores, Python {python}. Scans come faster than cycles run here, which always forecast from the newest.

## Losses

{losses}

| | |
|---|---|
"""

_FAULTS = """
## Faults

Each strikes while scans arrive, and the next comes when a new forecast has been published. Seconds are those from the end of the fault
until then; a process that was killed is started again after 2 s, and later and later if it dies again at once.

| fault | times | median s | longest s |
|---|---|---|---|
"""

_ARRIVALS = """
Scans came {how}. Rubbish is an empty file, random bytes, the
first part of a scan, or what claims to be compressed.

## Load

| question | answers | 200 | 404 | 503 | other | median ms | 99th percentile ms |
|---|---|---|---|---|---|---|---|
"""

_TAIL = """
404 is a field that is not there, 503 that there are no data yet or the database was away for long; *hostile* questions, with paths,
numbers and bytes that mean ill, have to get a status of 400 to 499. {unreachable} questions met a service that had been killed. Answers
that must not be: {wrong}.
"""


def main() -> None:
    """Run it, and write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scans", type=int, default=288)
    options.add_argument("--every", type=float, default=2.2)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("-o", "--output", type=Path, default=PAGE)
    asked = options.parse_args()
    plan = Plan(scans=asked.scans, every=asked.every, seed=asked.seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stormcell-soak-")))
        try:
            disk: Path | None = stack.enter_context(small_disk(DISK))
        except PermissionError:
            print("no disk can be mounted here: full disks are left out")
            disk = None
        soak = Soak(plan, folder, disk)
        try:
            report = soak.run()
        except AssertionError:
            print((folder / "log").read_text()[-20_000:])
            raise
        for line in (*report.losses, *report.wrong):
            print(line)
    asked.output.write_text(page(plan, report), encoding="utf-8")
    print(f"wrote {asked.output}")
    if report.losses or report.wrong:
        raise SystemExit(f"{len(report.losses)} losses, {len(report.wrong)} answers that must not be")


def page(plan: Plan, report: Report) -> str:
    """As Markdown."""
    head = _HEAD.format(
        minutes=report.seconds / 60,
        scans=plan.scans,
        every=plan.every,
        rows=SHAPE[0],
        columns=SHAPE[1],
        methods=" and ".join(METHODS),
        clients=plan.clients,
        seed=plan.seed,
        cores=os.cpu_count(),
        python=platform.python_version(),
        losses="None." if not report.losses else "\n".join(f"- {loss}" for loss in report.losses),
    )
    facts = [f"| {name} | {value:,} |" for name, value in report.facts.items()]
    faults = [
        f"| {kind} | {len(seconds)} | {statistics.median(seconds):.1f} | {max(seconds):.1f} |"
        for kind, seconds in sorted(report.faults.items())
    ]
    arrivals = _ARRIVALS.format(how=", ".join(f"{how} ({count})" for how, count in report.arrivals.most_common()))
    load = []
    for kind, answers in sorted(report.answers.items()):
        taken = sorted(report.taken[kind])
        others = sum(count for status, count in answers.items() if status not in (200, 404, 503))
        load.append(
            f"| {kind} | {sum(answers.values()):,} | {answers[200]:,} | {answers[404]:,} | {answers[503]:,} | {others:,} "
            f"| {1e3 * taken[len(taken) // 2]:.0f} | {1e3 * taken[int(0.99 * len(taken))]:.0f} |"
        )
    wrong = "none" if not report.wrong else f"{len(report.wrong)}"
    tail = _TAIL.format(unreachable=report.unreachable, wrong=wrong)
    return head + "\n".join(facts) + "\n" + _FAULTS + "\n".join(faults) + "\n" + arrivals + "\n".join(load) + "\n" + tail


if __name__ == "__main__":
    main()
