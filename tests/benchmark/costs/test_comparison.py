"""Two versions beside each other, by hand."""

import math

import pytest

from stormcell.benchmark.costs.comparison import changes, comparison_text, machine_of
from tests.benchmark.costs.figures import classic, costs, network, samples


def forecasts(now, earlier, **machine):
    """How a forecast by the wall has changed."""
    pair = (costs(classic(seconds={"forecast": now}), **machine), costs(classic(seconds={"forecast": earlier})))
    (found,) = (change for change in changes(*pair) if change.clock == "wall")
    return found


def test_slower_faster_and_the_same():
    slower = forecasts(samples(1.5, 1.5, 1.6), samples(1.0, 1.0, 1.0))
    assert slower.ratio == pytest.approx(1.5) and slower.noise == pytest.approx(0.1) and slower.slower and not slower.faster
    faster = forecasts(samples(0.5, 0.5), samples(1.0, 1.0))
    assert faster.faster and not faster.slower
    same = forecasts(samples(1.05, 1.05), samples(1.0, 1.0))
    assert not same.faster and not same.slower


def test_what_varies_as_much_is_noise():
    found = forecasts(samples(1.2, 1.5, 1.5), samples(1.0, 1.0, 1.3))
    assert found.noise == pytest.approx(0.3 / 1.5 + 0.3) and found.ratio == pytest.approx(1.5)
    assert not found.slower
    assert not forecasts(samples(0.9, 0.7, 0.6), samples(0.8, 1.0, 1.1)).faster


def test_rates_that_vary_tell_of_other_work():
    """Both processes happened to be slow alike: their own spread says nothing, that of the machine's rates does."""
    found = forecasts(samples(1.5, 1.5), samples(1.0, 1.0), product=samples(20.0, 40.0, 60.0), copy=samples(4.0, 8.0, 8.0))
    assert found.noise == pytest.approx((1.0 + 0.5) / 2) and found.ratio == pytest.approx(1.5) and not found.slower


def test_milliseconds_are_noise_too():
    assert not forecasts(samples(0.004, 0.004), samples(0.001, 0.001)).slower
    assert forecasts(samples(0.014, 0.014), samples(0.001, 0.001)).slower


def test_one_process_has_no_spread():
    found = forecasts(samples(9.0), samples(1.0, 1.0))
    assert found.noise is None and not found.slower
    assert "One process alone has no spread" in comparison_text(
        costs(classic(seconds={"forecast": samples(9.0)})), costs(classic()), who="x"
    )


def test_another_machine_is_told_and_reckoned_with():
    """Twice and eight times as fast, four times in the mean; a stage that takes half as long is then twice the work."""
    fast = {"product": samples(80.0, 80.0), "copy": samples(64.0, 64.0)}
    found = forecasts(samples(0.5, 0.5), samples(1.0, 1.0), **fast)
    assert found.ratio == pytest.approx(2.0) and found.slower
    now, earlier = costs(classic(), **fast), costs(classic())
    text = comparison_text(now, earlier, who="someone")
    assert "the matrix product is 2.00 times as fast as then, the memory copy 8.00 times; another machine" in text
    assert "multiplied by 4.00" in text
    assert {change.ratio for change in changes(now, earlier) if change.what == "peak MB"} == {1.0}  # memory is no speed


def test_a_machine_that_varies_as_much_is_the_same():
    now, earlier = costs(product=samples(30.0, 50.0, 60.0)), costs()
    machine = machine_of(now, earlier, "wall")
    assert machine.product == 1.25 and machine.rate == 1.0 and machine.noise == pytest.approx(30 / 50 / 2)
    uneven = machine_of(costs(product=samples(99.0, 100.0, 101.0), copy=samples(8.0, 8.0, 8.8)), earlier, "wall")
    assert uneven.rate == pytest.approx(math.sqrt(2.5)) and uneven.noise == pytest.approx((0.02 + 0.1) / 2)


def test_the_text_names_what_changed_what_is_missing_and_what_failed():
    seconds = {"motion": samples(0.1, 0.1), "forecast": samples(0.4, 0.4), "read": samples(0.1, 0.1)}
    now = costs(classic(seconds=seconds, peak_mb=[100.0, 100.0]), network(failure="out of memory"), network("openvino"))
    earlier = costs(classic(), network(), network("onnxruntime"))
    text = comparison_text(now, earlier, who="stormcell 0.0.9 on a processor, 2 cores")
    assert text.startswith("Beside stormcell 0.0.9 on a processor, 2 cores:")
    assert "| classic | 100 x 200 | - | - | - | - | 1.00 (1.00) | **2.00** (**2.00**) | - | **0.50** |" in text
    assert "- classic, 100 x 200: forecast, by the wall's time: 2.00 (noise 0.10)" in text.split("Faster")[0]
    assert "- classic, 100 x 200: peak MB: 0.50 (noise 0.10)" in text.split("Faster, or smaller")[1]
    gone, new = text.split("Not measured now:")[1].split("Not measured then:")
    assert "- classic, 100 x 200: write" in gone and "- net, 100 x 200, onnxruntime" in gone
    assert "- classic, 100 x 200: read" in new and "- net, 100 x 200, openvino" in new
    assert "- net, 100 x 200, torch: out of memory" in text.split("Failed now:")[1] and "Failed then" not in text


def test_nothing_in_common():
    text = comparison_text(costs(classic()), costs(network()), who="x")
    assert "| none in both | - |" in text and "- net, 100 x 200, torch" in text and "Slower" not in text
