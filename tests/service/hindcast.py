"""Live scores beside those of a hindcast over the same scans, methods, members and past: to the last pixel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from stormcell.service.cycle import Workshop
from stormcell.service.live_scores import scores_of

__all__ = ["check_scores_are_those_of_a_hindcast"]


def check_scores_are_those_of_a_hindcast(workshop: Workshop, results: Path, methods: Sequence[str], *, lead: str, members: int = 1) -> int:
    """Verify the archive of a service, and compare every sum.

    Args:
        workshop: of the service; all its scans are there.
        results: folder for the hindcast.
        methods: to compare; persistence comes along.
        lead: how far ahead the service forecasts.
        members: of its ensembles.

    Returns:
        how many cases the hindcast has.
    """
    scores = scores_of(workshop.settings.thresholds)
    past = max(method.past_steps for method in workshop.methods.values())
    settings = Settings([*methods, "persistence"], scores, lead=lead, every="5min", past=past, members=members)
    offline = verify(workshop.settings.archive_path, results, settings)
    for name in scores:
        expected = offline.sums(name)
        kept = workshop.database.sums(name, since=np.datetime64("2000-01-01"))
        live = {(method, reference, lead_time): sums for method, reference, lead_time, sums in kept}
        for case, issued in enumerate(offline.cases["issue_time"]):
            for number, method in enumerate(expected["method"].values):
                for step, lead_time in enumerate(expected["lead_time"].values):
                    sums = live[method, np.datetime64(issued, "s"), lead_time.astype("timedelta64[s]")]
                    ours = expected.values[case, number, step].ravel()
                    np.testing.assert_array_equal(sums, ours, err_msg=f"{name} {method} {issued} {lead_time}")
    return len(offline.cases["issue_time"])
