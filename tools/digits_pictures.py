"""The pictures of docs/benchmarks/digits.md: how the networks learnt, and what they make of one film."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from radar_pictures import picture_of

__all__ = ["FILM", "animate", "draw_curves", "strip"]

FILM = 5  # of the test part, the one that is shown


def strip(frames: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(time, y, x) grey values from 0 to 1 as one picture, frame beside frame."""
    return (np.concatenate(list(np.clip(frames, 0, 1)), axis=1) * 255 + 0.5).astype(np.uint8)


def draw_curves(runs: Mapping[str, Sequence[Sequence[float]]], path: Path) -> None:
    """Validation loss over the films that each network has seen."""
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    markers, lines = "os^DvPX", ("-", "--")
    for number, (name, points) in enumerate(runs.items()):
        seen, losses = np.array(points).T
        axes.plot(seen, losses, marker=markers[number % len(markers)], linestyle=lines[number // 10 % len(lines)], markersize=4, label=name)
    axes.set(xlabel="films seen", ylabel="validation loss a pixel", xscale="log", yscale="log")
    axes.yaxis.set_minor_formatter(plt.FormatStrFormatter("%.3g"))
    axes.yaxis.set_major_formatter(plt.FormatStrFormatter("%.3g"))
    axes.grid(alpha=0.3)
    figure.legend(frameon=False, fontsize=8, loc="outside right upper")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def animate(strips: Mapping[str, NDArray[np.uint8]], path: Path) -> None:
    """What came and what each network forecast, frame by frame."""
    columns = min(len(strips), 4)
    rows = -(-len(strips) // columns)
    pictures = []
    for step in range(next(iter(strips.values())).shape[1] // 64):
        figure, panels = plt.subplots(rows, columns, figsize=(1.8 * columns, 2.0 * rows + 0.3), layout="constrained", squeeze=False)
        for panel in panels.flat:
            panel.axis("off")
        for panel, (name, frames) in zip(panels.flat, strips.items(), strict=False):
            panel.imshow(frames[:, 64 * step : 64 * (step + 1)], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            panel.set_title(name, fontsize=8)
        figure.suptitle(f"{step + 1} {'frames' if step else 'frame'} ahead", fontsize=9)
        pictures.append(picture_of(figure))
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[400] * (len(pictures) - 1) + [1200], loop=0, optimize=True)
