"""How a training run went: losses, what comes back of the gradient, units that do nothing; and where to begin with the learning rate."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from stormcell.atomic import replacing
from stormcell.products.pictures.layout import FAINT, INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_range_test", "draw_training_curves"]

# Okabe & Ito (2008), Color Universal Design: colour-blind people can tell them apart. Lines and markers differ as well.
_BLUE, _ORANGE = "#0072B2", "#D55E00"
_KINDS = {
    "sigmoid": ("#0072B2", "o", "gates (sigmoid) saturated"),
    "tanh": ("#D55E00", "s", "tanh saturated"),
    "leaky_relu": ("#009E73", "^", "leaky ReLU negative"),
    "relu": ("#CC79A7", "D", "ReLU zero"),
}
_POINTS_OF_A_MEAN = 50  # of the running mean of the training loss
_STYLE: Any = {  # matplotlib's types want each key as a literal
    "font.size": 9,
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.facecolor": PAPER,
    "grid.color": "#e3e7ea",
    "legend.frameon": False,
    "lines.markersize": 4,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def draw_training_curves(curves: pd.DataFrame, path: str | Path, *, diagnostics: pd.DataFrame | None = None) -> None:
    """Write a picture of a run: losses by step, and, with diagnostics, gradient by lag and flat and dead units by step.

    Args:
        curves: columns step, quantity, value; the quantities "loss" and "validation_loss" are drawn.
        path: a PNG, or any format that matplotlib knows by its ending.
        diagnostics: columns step, quantity, where, value; quantities "gradient" (where = steps back), and "flat ..." and "dead ..."
            of sigmoid, tanh, leaky_relu and relu (where = cell), as shares from 0 to 1.
    """
    panels: list[Callable[[Axes], None]] = [partial(_losses, curves=curves)]
    if diagnostics is not None and not diagnostics.empty:
        panels += [
            partial(_gradient, gradient=diagnostics[diagnostics["quantity"] == "gradient"]),
            partial(_shares, diagnostics=diagnostics, what="flat", title="Activations on a flat side, mean over cells"),
            partial(_shares, diagnostics=diagnostics, what="dead", title="Units flat at every pixel and step, worst cell"),
        ]
    with _figure(path, panels=len(panels)) as every:
        for axes, panel in zip(every, panels, strict=True):
            panel(axes)


def draw_range_test(rates: ArrayLike, losses: ArrayLike, smoothed: ArrayLike, suggested: float, path: str | Path) -> None:
    """Write a picture of a range test: the loss over the learning rate, and the rate that was found.

    Args:
        rates: learning rates that were tried.
        losses: the loss at each.
        smoothed: their running mean.
        suggested: where it falls most steeply.
        path: a PNG, or any format that matplotlib knows by its ending.
    """
    with _figure(path, panels=1) as (axes,):
        axes.plot(rates, losses, color=_BLUE, alpha=0.35, linewidth=0.8, label="loss of each step")
        axes.plot(rates, smoothed, color=_BLUE, linewidth=1.6, label="running mean")
        axes.axvline(suggested, color=_ORANGE, linestyle="--", label=f"steepest fall: {suggested:.2g}")
        shown = np.asarray(smoothed)
        margin = 0.1 * (min(float(shown.max()), 2 * float(shown[0])) - float(shown.min())) or 0.1
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss", title="Range test of the learning rate")
        axes.set_ylim(float(shown.min()) - margin, min(float(shown.max()), 2 * float(shown[0])) + margin)
        axes.legend()


def _losses(axes: "Axes", curves: pd.DataFrame) -> None:
    loss, validation = (curves[curves["quantity"] == name].sort_values("step") for name in ("loss", "validation_loss"))
    span = max(1, min(_POINTS_OF_A_MEAN, len(loss) // 10))
    if span > 1:
        axes.plot(loss["step"], loss["value"], color=_BLUE, alpha=0.25, linewidth=0.6)
    mean = loss["value"].rolling(span, center=True, min_periods=1).mean()
    axes.plot(loss["step"], mean, color=_BLUE, label="training" if span == 1 else f"training, mean of {span} steps")
    if len(validation):
        axes.plot(validation["step"], validation["value"], color=_ORANGE, marker="s", linestyle="--", label="validation")
    shown = np.concatenate([mean, validation["value"]])
    shown = shown[np.isfinite(shown)]
    if shown.size and shown.min() > 0:
        axes.set_yscale("log")
        axes.set_ylim(0.9 * shown.min(), 1.1 * min(shown.max(), 50 * float(np.median(shown))))
        _plain_numbers(axes)
    axes.set(xlabel="step", ylabel="loss", title="Losses")
    _key(axes)


def _gradient(axes: "Axes", gradient: pd.DataFrame) -> None:
    """A line for the first, the middle and the last step that was looked at."""
    from matplotlib.ticker import MaxNLocator

    steps = np.unique(gradient["step"])
    chosen = steps[np.unique([0, len(steps) // 2, len(steps) - 1])] if len(steps) else steps
    shades = ("#56B4E9", "#0072B2", "#000000")[-len(chosen) :]
    for step, shade, marker in zip(chosen, shades, "o^s", strict=False):
        part = gradient[gradient["step"] == step].astype({"where": int}).sort_values("where")
        axes.plot(part["where"], part["value"], color=shade, marker=marker, label=f"step {step:,}")
    if (gradient["value"] > 0).any():
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="steps back from the newest past frame", ylabel="|dL/dx|", title="Gradient that reaches each past frame")
    _key(axes)


def _shares(axes: "Axes", diagnostics: pd.DataFrame, what: str, title: str) -> None:
    """The mean over cells of "flat", the largest of "dead", per cent."""
    for kind, (colour, marker, label) in _KINDS.items():
        rows = diagnostics[diagnostics["quantity"] == f"{what} {kind}"]
        if len(rows):
            by_step = rows.groupby("step")["value"]
            share = 100 * (by_step.mean() if what == "flat" else by_step.max())
            axes.plot(share.index, share, color=colour, marker=marker, label=label)
    axes.set(xlabel="step", ylabel="share [%]", title=title, ylim=(-2, 102))
    _key(axes)


def _key(axes: "Axes") -> None:
    """Names of the lines, where there are any."""
    if axes.get_lines():
        axes.legend()


def _plain_numbers(axes: "Axes") -> None:
    """0.02 in place of a power of ten."""
    for formatted in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        formatted(lambda value, _: f"{value:.2g}" if f"{value:.0e}"[0] in "125" else "")


@contextmanager
def _figure(path: str | Path, *, panels: int) -> "Iterator[list[Axes]]":
    """Panels to draw on, written to the path when the block ends; whatever style the user has set plays no part."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(panels, 2)
    rows = -(-panels // columns)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(5.4 * columns + 0.4, 3.4 * rows), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        yield list(figure.subplots(rows, columns, squeeze=False).flat)
        with replacing(path) as beside:
            figure.savefig(beside)
