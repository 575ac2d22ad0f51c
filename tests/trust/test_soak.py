"""A few hours of a live service that breaks all the time; `make soak` has the whole day."""

from contextlib import ExitStack

import pytest

from tests.trust.faults import small_disk
from tests.trust.soak import Plan, Soak


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_few_hours(tmp_path):
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(1_000))
        except PermissionError:
            disk = None
        report = Soak(Plan(scans=36, every=2.0, clients=4, fault_every=3.0), tmp_path, disk).run(tell=lambda _: None)
    assert report.losses == [] and report.wrong == []
    assert report.facts["scans published"] == 36 and sum(map(len, report.faults.values())) >= 5
    assert sum(answers[200] for answers in report.answers.values()) > 500
