"""Tiny fields with everything a product must keep apart: missing, dry, rain."""

import numpy as np
import pytest
import xarray as xr

from stormcell.frames import make_forecast, make_frames
from stormcell.grid import Grid

GRIDS = {
    "swiss": Grid.from_edges(21781, west=255_000, north=480_000, pixel=(1000, 1000), shape=(20, 30)),
    "knmi": Grid.from_edges(
        "+proj=stere +lat_0=90 +lon_0=0 +lat_ts=60 +a=6378140 +b=6356750", west=0, north=-3_650_000, pixel=(1000, 1000), shape=(20, 30)
    ),
    "opera": Grid.from_edges(
        "+proj=laea +lat_0=55 +lon_0=10 +x_0=1950000 +y_0=-2100000 +ellps=WGS84", west=0, north=0, pixel=(2000, 2000), shape=(20, 30)
    ),
    "melbourne": Grid.from_edges(
        "+proj=aea +lat_1=-18 +lat_2=-36 +lon_0=144.752 +lat_0=-37.852 +ellps=GRS80",
        west=-128_000,
        north=128_000,
        pixel=(500, 500),
        shape=(20, 30),
    ),
    "mrms": Grid.from_edges(4326, west=-100, north=40, pixel=(0.01, 0.01), shape=(20, 30)),
}


def make_fields(grid: Grid, *, members: int = 1, leads: int = 3) -> tuple[xr.DataArray, xr.DataArray]:
    """Two observed frames and a forecast: missing in the north-west, rain of 12.5 mm/h in the middle, dry elsewhere."""
    rows, columns = grid.shape
    rain = np.zeros(grid.shape, dtype=np.float32)
    rain[rows // 2 - 2 : rows // 2 + 2, columns // 2 - 3 : columns // 2 + 3] = 12.5
    rain[: rows // 4, : columns // 4] = np.nan
    times = np.datetime64("2015-05-15T16:20") + np.arange(2) * np.timedelta64(5, "m")
    past = make_frames(np.stack([np.roll(rain, -1, axis=1), rain]), times, grid, source="Radar of Testland", zr_rule="marshall-palmer")
    values = [[np.roll(rain, step + member, axis=1) for step in range(1, leads + 1)] for member in range(members)]
    return past, make_forecast(np.array(values), past, np.arange(1, leads + 1) * np.timedelta64(5, "m"), method="advection", seed=7)


@pytest.fixture(params=GRIDS)
def grid(request: pytest.FixtureRequest) -> Grid:
    return GRIDS[request.param]


@pytest.fixture
def swiss() -> Grid:
    return GRIDS["swiss"]
