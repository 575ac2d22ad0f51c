"""What the products of an ensemble look like."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from stormcell.grid import Grid
from stormcell.products.colours import MINUTES, MISSING, PROBABILITY
from stormcell.products.ensemble.dataset import ensemble_products
from stormcell.products.images import write_animation, write_pngs
from stormcell.products.page import write_page
from stormcell.products.pictures.layers import LAYER_NAMES, layers_of
from stormcell.products.pictures.scenes import Scenes

from .conftest import make_fields

NAMES = ["probability_0.5mm", "probability_5mm", "neighbourhood_0.5mm", "neighbourhood_5mm", "near_0.5mm", "near_5mm"]
NAMES += ["quantile_10", "quantile_97.5", "mean", "matched_mean", "rain_start", "rain_end"]


@pytest.fixture
def fields(swiss: Grid) -> tuple[xr.DataArray, xr.DataArray, xr.Dataset]:
    past, forecast = make_fields(swiss, members=3)
    asked = {"probability": (0.5, 5.0), "neighbourhood_km": 3.0, "quantiles": (0.1, 0.975), "mean": True, "matched_mean": True}
    return past, forecast, ensemble_products(forecast, past=past, onset=0.1, **asked)


def test_every_product_is_a_layer(fields) -> None:
    layers = layers_of(fields[2])
    assert [layer.name for layer in layers] == NAMES and all(re.fullmatch(LAYER_NAMES, name) for name in NAMES)
    assert layers[3].title == "Probability of 5 mm/h or more, mean within 3 km" and layers[1].values.sizes == fields[1][0].sizes
    assert len({layer.title for layer in layers}) == len(layers)
    assert layers_of(None) == []


@pytest.mark.parametrize("name", ["probability_5mm", "mean", "rain_start"])
def test_scenes_of_a_layer_are_its_values(fields, name: str) -> None:
    past, forecast, products = fields
    layer = next(layer for layer in layers_of(products) if layer.name == name)
    scenes = list(Scenes(past, forecast, layer))
    assert len(scenes) == (3 if layer.over_lead_times else 1)
    np.testing.assert_array_equal(scenes[0].values, layer.values.values[0] if layer.over_lead_times else layer.values.values)
    assert scenes[0].stamp == (f"{name}_20150515T1630Z_+005min" if layer.over_lead_times else f"{name}_20150515T1625Z")


def test_now_soon_later_and_no_rain_look_different(fields) -> None:
    """The rain goes right, a pixel in five minutes; here is what the middle row says."""
    start, end = (layer.values.values[10] for layer in layers_of(fields[2])[-2:])
    assert start[10] == -1 and start[12] == 0 and start[18] > 0
    assert end[10] == -1 and 0 < end[13] < 20 and end[20] == np.inf
    assert MINUTES.classes([-1, 0, 5, 10, 1e4, np.inf, np.nan]).tolist() == [0, 1, 2, 3, 9, 10, MISSING]
    assert PROBABILITY.classes([0, 0.009, 0.01, 0.5, 1, np.nan]).tolist() == [0, 0, 1, 6, 10, MISSING]


def test_pictures_of_all_layers_and_none_of_an_earlier_run(fields, tmp_path: Path) -> None:
    past, forecast, products = fields
    paths = write_pngs(past, forecast, tmp_path, products=products)
    assert len(paths) == len(set(paths)) == 5 + 10 * 3 + 2 and set(tmp_path.iterdir()) == set(paths)
    assert paths[5].name == "002_probability_0.5mm_20150515T1630Z_+005min.png" and paths[-1].name == "001_rain_end_20150515T1625Z.png"
    mine = tmp_path / "001_holiday_20150515T1625Z.png"
    mine.write_bytes(b"not ours")
    assert set(write_pngs(past, forecast, tmp_path)) | {mine} == set(tmp_path.iterdir())


def test_a_layer_moves(fields, tmp_path: Path) -> None:
    past, forecast, products = fields
    write_animation(past, forecast, tmp_path / "p.gif", layer=layers_of(products)[0])
    with Image.open(tmp_path / "p.gif") as gif:
        assert gif.n_frames == 3


def test_the_page_offers_the_layers(fields, tmp_path: Path) -> None:
    past, forecast, products = fields
    text = write_page(past, forecast, tmp_path, products=products).read_text()
    files = re.findall(r"frames/[^\"]+png", text)
    assert all((tmp_path / file).is_file() for file in files) and "Probability of 5 mm/h or more" in text


def test_a_large_grid_keeps_minutes_as_they_are() -> None:
    grid = Grid.from_edges(3035, west=0, north=0, pixel=(1000, 1000), shape=(1700, 20))
    past, forecast = make_fields(grid)
    layer = layers_of(ensemble_products(forecast, past=past, onset=0.1))[0]
    scene = Scenes(past, forecast, layer)[0]
    assert scene.values.shape == (566, 6) and set(np.unique(scene.values[~np.isnan(scene.values)])) <= {-1.0, 0.0, 5.0, 10.0, 15.0}
