"""The costs that `stormcell models list` shows: all cells and networks, and how the figures grow with length and grid."""

from stormcell.cells import CELLS
from stormcell.cli.models import _cell_rows, _network_rows
from stormcell.networks import NETWORKS


def by_name(listed):
    return {row["name"]: row for row in listed}


def test_all_are_listed():
    cells, networks = by_name(_cell_rows((32, 32), 2)), by_name(_network_rows((32, 32), 2))
    assert list(cells) == list(CELLS) and list(networks) == list(NETWORKS)
    for name, row in (cells | networks).items():
        if name == "fc-lstm-2015":  # for images of 64 x 64 alone
            assert "not on this grid" in row["not possible"]
        else:
            assert row["mflop_per_step"] > 0 and (name == "echo-state" or row["parameters"] > 0 and row["training_mb"] > 0)


def test_memory_grows_by_the_same_for_every_step_of_a_cell():
    few, more, most = (by_name(_cell_rows((32, 32), length)) for length in (2, 4, 6))
    for name, row in few.items():
        grown, again = more[name]["training_mb"] - row["training_mb"], most[name]["training_mb"] - more[name]["training_mb"]
        assert abs(grown - again) < 0.01 and more[name]["mflop_per_step"] == row["mflop_per_step"]


def test_a_grid_twice_as_large_costs_twice_as_much():
    small, large = (by_name(_cell_rows(grid, 4) + _network_rows(grid, 4)) for grid in ((64, 64), (64, 128)))
    for name in ("convlstm", "trajgru", "moving-mnist-pp-convgru-k5d1", "conv-tt-12"):
        for cost in ("mflop_per_step", "training_mb"):
            assert 1.9 < large[name][cost] / small[name][cost] < 2.1
