"""A day of scans, one after the other as fast as they go: every scan is forecast, memory stays flat, scores are those of a hindcast."""

import gc

import numpy as np
import pytest

from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.service.cycle import run_cycle
from stormcell.service.intake import Arrivals
from stormcell.service.live import open_workshop
from stormcell.service.settings import MethodSettings
from tests.service.conftest import arrive
from tests.service.hindcast import check_scores_are_those_of_a_hindcast
from tests.service.process import resident_bytes

SCANS = 288


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_day(inbox, settings, tmp_path):
    write_odim(synthetic_storm(SCANS, shape=(96, 96)), tmp_path / "day")
    methods = (MethodSettings(name="advection"), MethodSettings(name="rover"))
    with open_workshop(settings.model_copy(update={"methods": methods, "lead": "30min"})) as workshop:
        arrivals, memory = Arrivals(inbox, 0), []
        for scan in sorted((tmp_path / "day").iterdir()):
            arrive(scan, inbox)
            cycle = run_cycle(workshop, arrivals.look(workshop.database))
            assert cycle.problems == []
            gc.collect()
            memory.append(resident_bytes())
        per_method = {name: workshop.database.forecasts(method=name) for name in ("advection", "rover")}
        assert {name: len(found) for name, found in per_method.items()} == {"advection": SCANS - 1, "rover": SCANS - 1}
        warm = float(np.median(memory[SCANS // 4 : SCANS // 2]))
        print(f"memory: {warm / 1e6:.0f} MB in the morning, {np.median(memory[-20:]) / 1e6:.0f} MB at the end")
        assert np.median(memory[-20:]) < 1.05 * warm
        cases = check_scores_are_those_of_a_hindcast(workshop, tmp_path / "verified", ["advection", "rover"], lead="30min")
        assert cases == SCANS - max(method.past_steps for method in workshop.methods.values()) - 5
