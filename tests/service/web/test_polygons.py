"""Which pixels lie in a polygon."""

import pytest

from stormcell.errors import FramesError
from stormcell.frames import grid_of
from stormcell.service.places import pixel_at
from stormcell.service.polygons import MAX_VERTICES, mask_of
from tests.service.web.published import STORM

GRID = grid_of(STORM)
SQUARE = [(9.6, 55.1), (10.0, 55.1), (10.0, 55.3), (9.6, 55.3), (9.6, 55.1)]
HOLE = [(9.7, 55.15), (9.9, 55.15), (9.9, 55.25), (9.7, 55.25), (9.7, 55.15)]


def test_a_square_has_the_pixels_of_its_area():
    rows, columns, mask = mask_of(GRID, [SQUARE])
    assert mask.sum() == pytest.approx(0.4 * 63.6 * 0.2 * 111.3, rel=0.03)  # km2, pixels of 1 km
    assert (rows.stop - rows.start, columns.stop - columns.start) == mask.shape


def test_a_hole_is_left_out():
    whole, holed = mask_of(GRID, [SQUARE])[2].sum(), mask_of(GRID, [SQUARE, HOLE])[2].sum()
    assert holed == pytest.approx(0.75 * whole, rel=0.03)


def test_a_tiny_polygon_is_the_pixel_it_lies_in():
    tiny = [(9.8, 55.2), (9.8001, 55.2), (9.8, 55.2001), (9.8, 55.2)]
    rows, columns, mask = mask_of(GRID, [tiny])
    assert mask.sum() == 1 and pixel_at(GRID, lat=55.2, lon=9.8) == (rows.start, columns.start)


def test_elsewhere_there_is_none():
    assert mask_of(GRID, [[(x - 60, y) for x, y in SQUARE]]) is None


def test_the_whole_world_is_the_whole_grid():
    found = mask_of(GRID, [[(-180, -90), (180, -90), (180, 90), (-180, 90), (-180, -90)]])
    assert found is None or found[2].sum() <= GRID.shape[0] * GRID.shape[1]


@pytest.mark.parametrize("ring", [SQUARE[:-1], SQUARE[:2], [SQUARE[0]] * 3, [(9.0, 55.0)] * (MAX_VERTICES + 1)])
def test_what_is_no_ring_is_refused(ring):
    with pytest.raises(FramesError, match="polygon: expected"):
        mask_of(GRID, [ring])
