"""How costs grow with the domain, of figures made up by hand."""

from stormcell.benchmark.costs.growth import draw_growth, growth_table
from tests.benchmark.costs.figures import classic, costs, network, samples


def grown(power: float):
    return [
        network(rows=side, columns=side, seconds={"forecast": samples(9.0, processor=((side / 100) ** (2 * power),))})
        for side in (100, 200, 400)
    ]


def test_the_power_of_pixels_is_told(tmp_path):
    measured = costs(*grown(1.5), classic(), classic(rows=400, columns=200))
    table = growth_table(measured, "costs.png")
    assert "| net, torch | 1.50 |" in table and "(costs.png)" in table
    assert "| classic | 0.00 |" in table, "motion and forecast, the same on both"
    draw_growth(measured, tmp_path / "costs.png")
    assert (tmp_path / "costs.png").read_bytes().startswith(b"\x89PNG")


def test_one_domain_says_nothing_of_growth(tmp_path):
    alone = costs(network(), classic(rows=100, columns=50, failure="broke"))
    assert growth_table(alone) == ""
    draw_growth(alone, tmp_path / "empty.png")
