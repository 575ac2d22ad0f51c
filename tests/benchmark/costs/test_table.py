"""The tables of costs, by hand."""

import pytest

from stormcell.benchmark.costs.table import costs_table, share_of
from tests.benchmark.costs.figures import classic, costs, network, samples


def test_shares_by_hand():
    measured = costs(network(), classic())
    assert share_of(measured.costs[0], measured, "wall") == pytest.approx(8 / 2 / 40)  # motion is not the network's
    assert share_of(measured.costs[0], measured, "processor") == pytest.approx(8 / 4 / 40)
    assert share_of(measured.costs[1], measured, "wall") == pytest.approx(0.6 / 0.3 / 8)


def test_no_share_without_a_count_or_a_forecast():
    measured = costs(network(gflop=None), network("openvino", seconds={"start-up": samples(1.0)}), classic(field_gb=None))
    assert [share_of(cost, measured, "wall") for cost in measured.costs] == [None] * 3


def test_rows_by_hand():
    text = costs_table(costs(network(), classic(), classic(rows=300, columns=300)))
    assert "| product of float32 matrices, GFLOP | 40 (40 to 40) | 40 (40 to 40) |" in text
    assert (
        "**100 x 200 pixels**, 12 lead times" in text
        and "processes of each combination: 2\n" in text
        and "**300 x 300 pixels**" in text
        and "Failed" not in text
    )
    assert "| net | torch | 3.00 (3.00) | - | - | 1.00 (1.00) | 2.00 (4.00) | - | 510 | 8 | 10.0% (5.0%) |" in text
    assert "| classic | - | - | - | - | 0.10 (0.10) | 0.20 (0.20) | 0.050 (0.050) | 200 | - | 25.0% (25.0%) |" in text


def test_a_failure_is_a_row_and_a_reason():
    broken = network(seconds={"start-up": samples(12.0)}, peak_mb=[], failure="took longer than 5 s")
    text = costs_table(costs(broken, classic()))
    assert "| net | torch | 12.0 (12.0) | failed | failed | failed | failed | failed | - | 8 | - |" in text
    assert "- net, 100 x 200, torch: took longer than 5 s" in text and "| classic | - |" in text
