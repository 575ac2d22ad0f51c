"""The pictures of docs/benchmarks/radar.md: how the networks learnt, and what they and ROVER make of one storm."""

import csv
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from PIL import Image

from stormcell.config import read_experiment
from stormcell.data.archive import Archive
from stormcell.data.windows import find_windows
from stormcell.methods import Method
from stormcell.products.colours import rain_colour_map
from stormcell.timeline import minutes

__all__ = ["draw_curves", "draw_storm", "picture_of"]

LEADS = minutes(5, 75, step=5)
SHOWN = (1, 3, 6, 9, 12, 15)  # steps ahead
PAST = 5


def draw_curves(runs: Mapping[str, Path], path: Path) -> None:
    """Loss of training, smoothed, and of validation over the windows that each network has seen."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for number, (name, folder) in enumerate(runs.items()):
        batch = read_experiment(folder / "experiment.toml").training.batch
        rows = list(csv.DictReader((folder / "curves.csv").open()))
        for quantity, style in (
            ("loss", {"alpha": 0.35, "linewidth": 1}),
            ("validation_loss", {"marker": "o", "markersize": 3, "label": name}),
        ):
            steps, values = np.array([(float(row["step"]), float(row["value"])) for row in rows if row["quantity"] == quantity]).T
            if quantity == "loss":
                width = max(len(values) // 25, 1)
                steps, values = (np.convolve(each, np.ones(width) / width, mode="valid") for each in (steps, values))
            axes.plot(steps * batch, values, color=f"C{number}", **style)
    axes.set(xlabel="windows seen", ylabel="balanced squared error", xscale="log", yscale="log")
    axes.set_title("Pale: training days, wet windows first. Dots: held-out training days", fontsize=9)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_storm(archive: str, methods: Mapping[str, Method], picture: Path, animation: Path) -> None:
    """The wettest case of the archive: what was observed, and what each method had forecast, as a table and as an animation."""
    past, future = _wettest(Archive(archive))
    fields = {"observed": future, **{name: method(past, LEADS).values[0] for name, method in methods.items()}}
    colours, norm = rain_colour_map()
    issued = str(past["time"].values[-1])[:16].replace("T", " ")
    figure, panels = plt.subplots(len(fields), len(SHOWN), figsize=(1.45 * len(SHOWN) + 1, 1.45 * len(fields) + 0.4), layout="constrained")
    for row, (name, frames) in zip(panels, fields.items(), strict=True):
        row[0].set_ylabel(name)
        for panel, step in zip(row, SHOWN, strict=True):
            image = panel.imshow(frames[step - 1], cmap=colours, norm=norm, interpolation="nearest")
            panel.set(xticks=[], yticks=[])
    for panel, step in zip(panels[0], SHOWN, strict=True):
        panel.set_title(f"{5 * step} min", fontsize=9)
    figure.colorbar(image, ax=panels, shrink=0.5, label="mm/h")
    figure.suptitle(f"Forecasts of {issued} UTC, 240 km across", fontsize=10)
    figure.savefig(picture, dpi=90)
    plt.close(figure)
    _animate(fields, issued, animation)


def _wettest(archive: Archive) -> tuple[xr.DataArray, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Past frames and future fields of the window with the most rain."""
    windows = find_windows(archive, PAST + len(LEADS), stride=12)
    first = windows.starts[windows.cover.argmax()]
    frames = archive.between(archive.axis[first], archive.axis[first + windows.length - 1])
    return frames[:PAST], frames.values[PAST:]


def _animate(fields: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]], issued: str, path: Path) -> None:
    colours, norm = rain_colour_map()
    columns = (len(fields) + 1) // 2
    pictures = []
    for step in range(len(LEADS)):
        figure, panels = plt.subplots(2, columns, figsize=(1.9 * columns, 4.2), layout="constrained")
        for panel in panels.flat:
            panel.axis("off")
        for panel, (name, frames) in zip(panels.flat, fields.items(), strict=False):
            panel.imshow(frames[step], cmap=colours, norm=norm, interpolation="nearest")
            panel.set_title(name, fontsize=9)
        figure.suptitle(f"{issued} UTC + {5 * (step + 1)} min", fontsize=10)
        pictures.append(picture_of(figure))
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[350] * (len(pictures) - 1) + [1200], loop=0, optimize=True)


def picture_of(figure: Figure) -> Image.Image:
    """A figure as one picture of an animation, in few colours."""
    figure.canvas.draw()
    image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")  # type: ignore[attr-defined]
    plt.close(figure)
    return image.quantize(64)
