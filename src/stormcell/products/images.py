"""Pictures of a forecast: an animation, or a PNG per frame. What was observed comes first, then what is forecast.

An ensemble has more to show: each of its products is a layer, drawn for the lead times of the forecast in a scale of its own.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from stormcell.atomic import replacing
from stormcell.errors import MissingExtraError, WriteError
from stormcell.products.pictures.chart import Chart, Picture
from stormcell.products.pictures.layers import LAYER_NAMES, Layer, layers_of
from stormcell.products.pictures.palette import Palette
from stormcell.products.pictures.scenes import Scenes
from stormcell.progress import track

__all__ = ["write_animation", "write_pngs"]

FRAMES_PER_SECOND = 5
_OURS = re.compile(rf"\d{{3}}_(observed|forecast|{LAYER_NAMES})_\d{{8}}T\d{{4}}Z(_\+[\d.]+min)?\.png")
PAUSE_SECONDS = 1.6
"""How long the last picture stays before the loop begins again."""


def write_animation(past: xr.DataArray, forecast: xr.DataArray, path: str | Path, *, layer: Layer | None = None) -> None:
    """Write the observed frames and then the forecast as a moving picture.

    Args:
        past: (time, y, x) rain rate [mm h-1].
        forecast: (member, lead_time, y, x) rain rate [mm h-1]; of several members the mean is drawn, and the picture says so.
        path: where to; `.gif` (loops) or `.mp4` (needs the extra `video`).
        layer: of `layers_of`; show this in place of rain, over the lead times only.

    Raises:
        FramesError: a field breaks the contract, or the two grids differ.
        MissingExtraError: an mp4 is wanted and imageio-ffmpeg is not installed.
        WriteError: the suffix is neither, or the path cannot be written; what stood there before is untouched.
    """
    writers = {".gif": _write_gif, ".mp4": _write_mp4}
    suffix = Path(path).suffix.lower()
    if suffix not in writers:
        raise WriteError(f"{path}: expected a name that ends in .gif or .mp4")
    scenes = Scenes(past, forecast, layer)
    with replacing(path) as beside:
        writers[suffix](scenes, Chart(scenes), beside)


def write_pngs(past: xr.DataArray, forecast: xr.DataArray, folder: str | Path, *, products: xr.Dataset | None = None) -> list[Path]:
    """Write one picture per observed frame and per lead time, such as `012_forecast_20150515T1700Z_+035min.png`.

    Products of an ensemble add theirs, `012_probability_5mm_20150515T1700Z_+035min.png`, one per lead time, or a single one for start and
    end of rain; the number is that of the frame to which they belong.

    Args:
        past: (time, y, x) rain rate [mm h-1].
        forecast: (member, lead_time, y, x) rain rate [mm h-1]; of several members the mean is drawn, and the picture says so.
        folder: where to; made if it is not there. Pictures of an earlier run are removed, so that runs do not mix.
        products: of `ensemble_products`.

    Returns:
        The files of the rain in the order of time, which is also that of their names; then those of each layer of `layers_of`.

    Raises:
        FramesError: a field breaks the contract, or the two grids differ.
        WriteError: the folder cannot be written; no file is left half-written.
    """
    written = []
    for layer in (None, *layers_of(products)):
        scenes = Scenes(past, forecast, layer)
        chart = Chart(scenes)
        palette = _palette(scenes, chart)
        for number, scene in enumerate(track(scenes, "drawing", total=len(scenes)), start=scenes.first):
            path = Path(folder) / f"{number:03d}_{scene.stamp}.png"
            with replacing(path) as beside:
                palette.image(chart.draw(scene)).save(beside)
            written.append(path)
    for old in set(Path(folder).glob("[0-9][0-9][0-9]_*Z*.png")) - set(written):
        if _OURS.match(old.name):
            old.unlink()
    return written


def _pictures(scenes: Scenes, chart: Chart) -> Iterator[Picture]:
    return (chart.draw(scene) for scene in track(scenes, "drawing", total=len(scenes)))


def _palette(scenes: Scenes, chart: Chart) -> Palette:
    """From the last observation and the last forecast: both labels, and by the colour bar every class."""
    specimens = [scenes[-1]] if scenes.layer else [scenes[scenes.observed - 1], scenes[-1]]
    return Palette(np.concatenate([chart.draw(scene) for scene in specimens]))


def _write_gif(scenes: Scenes, chart: Chart, path: Path) -> None:
    palette = _palette(scenes, chart)
    first, *others = [palette.image(picture) for picture in _pictures(scenes, chart)]
    durations = [1000 // FRAMES_PER_SECOND] * len(others) + [int(1000 * PAUSE_SECONDS)]
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, disposal=1, optimize=False)


def _write_mp4(scenes: Scenes, chart: Chart, path: Path) -> None:
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError:
        raise MissingExtraError("imageio-ffmpeg", extra="video", purpose="writing an mp4") from None
    width, height = chart.size
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FRAMES_PER_SECOND), "-i", "-"]
    pause = ["-vf", f"tpad=stop_mode=clone:stop_duration={PAUSE_SECONDS}"]
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    command = [get_ffmpeg_exe(), "-loglevel", "error", "-y", *source, *pause, *codec, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as ffmpeg:
        assert ffmpeg.stdin is not None and ffmpeg.stderr is not None  # both are pipes
        try:
            for picture in _pictures(scenes, chart):
                ffmpeg.stdin.write(picture.tobytes())
            ffmpeg.stdin.close()
        except BrokenPipeError:
            pass  # ffmpeg gave up; why, it says on stderr
        complaint = ffmpeg.stderr.read().decode(errors="replace").strip()
    if ffmpeg.returncode != 0:
        raise OSError(f"ffmpeg: {complaint.splitlines()[-1] if complaint else f'exit code {ffmpeg.returncode}'}")
