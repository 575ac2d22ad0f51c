import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from stormcell.errors import FramesError, MissingExtraError, WriteError
from stormcell.frames import make_forecast
from stormcell.grid import Grid
from stormcell.products.colours import RAIN_COLOURS
from stormcell.products.ensemble.mean import member_mean
from stormcell.products.images import write_animation, write_pngs
from stormcell.products.page import write_page
from stormcell.products.pictures.chart import Chart
from stormcell.products.pictures.layout import DRY, FORECAST, OBSERVED, UNSEEN, UNSEEN_HATCH, Layout, rgb
from stormcell.products.pictures.palette import Palette
from stormcell.products.pictures.scenes import Scenes, block_mean

from .conftest import make_fields


def colours_of(picture: NDArray[np.uint8]) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in np.unique(picture.reshape(-1, 3), axis=0).tolist()}


def test_a_gif_has_every_frame_loops_and_pauses(swiss: Grid, tmp_path: Path) -> None:
    past, forecast = make_fields(swiss)
    write_animation(past, forecast, tmp_path / "rain.gif")
    with Image.open(tmp_path / "rain.gif") as gif:
        assert gif.n_frames == 5
        assert gif.size == Layout.for_grid(swiss).size
        assert gif.info["loop"] == 0
        durations = []
        for number in range(gif.n_frames):
            gif.seek(number)
            durations.append(gif.info["duration"])
    assert durations == [200, 200, 200, 200, 1600]


@pytest.mark.skipif(find_spec("imageio_ffmpeg") is None, reason="imageio-ffmpeg (extra video) is not installed")
def test_an_mp4_has_every_frame(swiss: Grid, tmp_path: Path) -> None:
    import imageio_ffmpeg

    past, forecast = make_fields(swiss)
    write_animation(past, forecast, tmp_path / "rain.mp4")
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "rain.mp4"))
    assert frames == 5 + 8, "five pictures, and the last held for 1.6 s"
    assert [path.name for path in tmp_path.iterdir()] == ["rain.mp4"]


def test_an_mp4_without_ffmpeg_names_the_extra(swiss: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingExtraError, match=r"stormcell\[video\]"):
        write_animation(*make_fields(swiss), tmp_path / "rain.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(find_spec("imageio_ffmpeg") is None, reason="imageio-ffmpeg (extra video) is not installed")
def test_when_ffmpeg_fails_it_says_why_and_leaves_nothing(swiss: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stormcell.products.images.FRAMES_PER_SECOND", -1)
    with pytest.raises(WriteError, match="ffmpeg"):
        write_animation(*make_fields(swiss), tmp_path / "rain.mp4")
    assert not list(tmp_path.iterdir())


def test_another_suffix_is_refused(swiss: Grid, tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"\.gif or \.mp4"):
        write_animation(*make_fields(swiss), tmp_path / "rain.avi")


def test_fields_on_two_grids_are_refused(swiss: Grid) -> None:
    past, _ = make_fields(swiss)
    _, forecast = make_fields(Grid.from_edges(3035, west=0, north=0, pixel=(1000, 1000), shape=(20, 30)))
    with pytest.raises(FramesError, match="one grid"):
        Scenes(past, forecast)


def test_pngs_are_named_in_the_order_of_time(swiss: Grid, tmp_path: Path) -> None:
    paths = write_pngs(*make_fields(swiss), tmp_path / "pictures")
    assert [path.name for path in paths] == [
        "000_observed_20150515T1620Z.png",
        "001_observed_20150515T1625Z.png",
        "002_forecast_20150515T1630Z_+005min.png",
        "003_forecast_20150515T1635Z_+010min.png",
        "004_forecast_20150515T1640Z_+015min.png",
    ]
    assert sorted((tmp_path / "pictures").iterdir()) == paths


def test_lead_times_of_half_minutes_are_said_and_their_pictures_removed(swiss: Grid, tmp_path: Path) -> None:
    past, _ = make_fields(swiss)
    lead_times = np.array([150, 300], "timedelta64[s]")
    forecast = make_forecast(np.repeat(past.values[np.newaxis, -1:], 2, axis=1), past, lead_times, method="persistence")
    page = write_page(past, forecast, tmp_path)
    said = re.findall(r"forecast \+[^\"]*", page.read_text().split("application/json")[1])
    assert said == ["forecast +2.5 min", "forecast +5 min"]
    assert (tmp_path / "frames" / "002_forecast_20150515T1627Z_+2.5min.png").is_file()
    again = write_pngs(past, forecast[:, 1:], tmp_path / "frames")
    assert set(again) == set((tmp_path / "frames").iterdir()), "none of the earlier run is left"


def test_missing_dry_and_rain_each_look_their_own_way(grid: Grid) -> None:
    scenes = Scenes(*make_fields(grid))
    layout = Layout.for_grid(grid)
    picture = Chart(scenes).draw(scenes[1])
    shown = picture[layout.top : layout.top + layout.map_height, layout.map_left : layout.map_left + layout.map_width]
    height, width, _ = shown.shape
    missing = colours_of(shown[: height // 5, : width // 5])
    assert {rgb(UNSEEN), rgb(UNSEEN_HATCH)} <= missing, "hatched grey"
    assert rgb(DRY) not in missing
    rain = colours_of(shown[height // 2 - 8 : height // 2 + 8, width // 2 - 8 : width // 2 + 8])
    assert rgb(RAIN_COLOURS[6]) in rain and rgb(DRY) not in rain, "12.5 mm/h lies in the class 10 to 20"
    dry = colours_of(shown[height // 2 : -height // 6, -width // 6 :])
    assert rgb(DRY) in dry and not {rgb(UNSEEN), rgb(UNSEEN_HATCH)} & dry


def test_observed_and_forecast_are_marked_by_colour(swiss: Grid) -> None:
    scenes = Scenes(*make_fields(swiss))
    chart, layout = Chart(scenes), Layout.for_grid(swiss)
    corner = layout.top - 1, layout.map_left - 1
    assert tuple(chart.draw(scenes[1])[corner]) == rgb(OBSERVED)
    assert tuple(chart.draw(scenes[2])[corner]) == rgb(FORECAST)
    assert tuple(chart.draw(scenes[0])[corner]) == rgb(OBSERVED), "nothing of an earlier scene is left"
    np.testing.assert_array_equal(chart.draw(scenes[2]), chart.draw(scenes[2]))


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (2000, 3), (1, 40)], ids=str)
def test_odd_shapes_are_drawn(shape: tuple[int, int], tmp_path: Path) -> None:
    past, forecast = make_fields(Grid.from_edges(3035, west=4e6, north=3e6, pixel=(1000, 1000), shape=shape))
    assert len(write_pngs(past, forecast, tmp_path)) == 5


def test_a_field_that_is_all_missing_or_all_dry_is_drawn(swiss: Grid, tmp_path: Path) -> None:
    past, forecast = make_fields(swiss)
    past.values[0], past.values[1] = np.nan, 0.0
    forecast.values[:] = np.nan
    assert len(write_pngs(past, forecast, tmp_path)) == 5


def test_what_members_show_is_their_mean_where_any_has_a_value() -> None:
    rain = np.array([[[1.0, np.nan, np.nan]], [[3.0, 2.0, np.nan]]], dtype=np.float32)
    np.testing.assert_array_equal(member_mean(rain), [[2.0, 2.0, np.nan]])


def test_blocks_are_averaged_over_what_was_seen() -> None:
    rain = np.array([[4, 0, np.nan, np.nan, 9], [0, 0, np.nan, 8, 9], [0, 0, 1, np.nan, 9], [0, 0, 2, 3, 9]], dtype=np.float32)
    np.testing.assert_array_equal(block_mean(rain, 2), [[1.0, np.nan], [0.0, 2.0]])
    assert block_mean(rain, 1) is rain


def test_large_grids_are_made_small_with_their_proportions() -> None:
    grid = Grid.from_edges(3035, west=0, north=0, pixel=(1000, 1000), shape=(1700, 900))
    scenes = Scenes(*make_fields(grid))
    assert scenes.factor == 3 and scenes.grid.shape == (566, 300) and scenes[0].values.shape == (566, 300)
    layout = Layout.for_grid(scenes.grid)
    assert layout.map_height == 800 and layout.map_width == pytest.approx(800 * 300 / 566, abs=1)


def test_a_palette_keeps_flat_colours_exactly(swiss: Grid) -> None:
    scenes = Scenes(*make_fields(swiss))
    picture = Chart(scenes).draw(scenes[2])
    again = np.asarray(Palette(picture).image(picture).convert("RGB"))
    for colour in (*RAIN_COLOURS, DRY, UNSEEN, FORECAST):
        flat = (picture == rgb(colour)).all(axis=-1)
        assert flat.any()
        np.testing.assert_array_equal(again[flat], picture[flat])
    assert np.abs(again.astype(int) - picture).max() < 48


def test_nothing_is_left_half_written(swiss: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    (tmp_path / "rain.gif").write_text("the old one")
    with pytest.raises(WriteError):
        write_animation(*make_fields(swiss), tmp_path / "rain.gif")
    with pytest.raises(WriteError):
        write_pngs(*make_fields(swiss), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rain.gif"]
    assert (tmp_path / "rain.gif").read_text() == "the old one"


def test_importing_the_products_loads_nothing_heavy() -> None:
    code = (
        "import sys, stormcell.products.cog, stormcell.products.images, stormcell.products.netcdf, stormcell.products.pictures.chart\n"
        "print(*{'matplotlib', 'PIL', 'rasterio', 'h5netcdf', 'imageio_ffmpeg'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
