"""What lies around the map: kind of scene, clock, method, colour bar and time line."""

from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from stormcell.products.colours import ColourScale
from stormcell.products.pictures.layout import DRY, FAINT, FORECAST, INK, OBSERVED, PAPER, UNSEEN, UNSEEN_HATCH, Layout, figure_of
from stormcell.products.pictures.scenes import Scene, Scenes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Surroundings"]


@final
class Surroundings:
    """The sheet around the map. What stays the same is drawn once; the labels that change are blitted onto it.

    Args:
        scenes: what will be shown; their times and attributes are written on the sheet.
        layout: where to.
    """

    def __init__(self, scenes: Scenes, layout: Layout) -> None:
        figure, self._canvas = figure_of(*layout.size, PAPER)
        width, height = layout.size
        axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        _add_colour_bar(axes, scenes.scale, layout.right + 18, layout.top, min(layout.map_height, 440))
        axes.text(layout.left, height - 14, _credit(scenes, (layout.right - layout.left) // 5), fontsize=7, color=FAINT, va="center")
        changing: dict[str, Any] = {"va": "center", "animated": True}
        self._badge = axes.text(layout.left + 8, 27, "", fontsize=14, fontweight="bold", color=PAPER, **changing)
        self._clock = axes.text(width - layout.left, 27, "", fontsize=14, fontweight="bold", color=INK, ha="right", **changing)
        self._note = axes.text(layout.left, 60, "", fontsize=9.5, color=FAINT, **changing)
        self._marker = _add_time_line(figure, scenes, layout)
        self._forecast_note = _forecast_note(scenes)
        self._canvas.draw()
        self._empty = self._canvas.copy_from_bbox(figure.bbox)

    def draw(self, scene: Scene) -> NDArray[np.uint8]:
        """The sheet for a scene as (height, width, 3) red, green, blue; the place of the map is left blank."""
        ahead = scene.lead_time
        colour = OBSERVED if ahead is None else FORECAST
        self._badge.set_text("OBSERVED" if ahead is None else f"FORECAST  +{ahead.total_seconds() / 60:g} min" if ahead else "FORECAST")
        self._badge.set_bbox({"boxstyle": "round,pad=0.42,rounding_size=0.25", "facecolor": colour, "edgecolor": "none"})
        self._clock.set_text(f"{scene.valid:%a %d %b %Y  %H:%M} UTC")
        self._note.set_text("Rain rate · radar" if ahead is None else self._forecast_note)
        self._marker.set_data([scene.valid.value], [0.0])
        self._marker.set_markerfacecolor(colour)
        self._canvas.restore_region(self._empty)
        for artist in (self._badge, self._clock, self._note, self._marker):
            artist.draw(self._canvas.get_renderer())
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()


def _forecast_note(scenes: Scenes) -> str:
    method, members = scenes.forecast.attrs.get("method", "forecast"), scenes.forecast.sizes["member"]
    if scenes.layer is not None:
        return f"{scenes.layer.title} · {method}, {members} member{'s' * (members > 1)}"
    crowd = f" · mean of {members} members" if members > 1 else ""
    return f"Rain rate · {method}{crowd} · from the scan at {scenes.times[scenes.observed - 1]:%H:%M} UTC"


def _credit(scenes: Scenes, longest: int) -> str:
    """Whose radar and whose coastlines these are, cut to what fits."""
    attrs = {**scenes.past.attrs, **scenes.forecast.attrs}
    radar = " · ".join(dict.fromkeys(str(attrs[name]) for name in ("attribution", "institution", "source") if attrs.get(name)))
    map_credit = "Map: Natural Earth"
    room = longest - len(map_credit) - 10
    radar = radar if len(radar) <= room else radar[: room - 1] + "…"
    return f"Radar: {radar} · {map_credit}" if radar else map_credit


def _add_colour_bar(axes: Any, scale: ColourScale, left: int, top: int, height: int) -> None:
    """A box per class with its lower bound, largest above; below them what is below the scale, and not seen."""
    from matplotlib.patches import Rectangle

    box, width = height / (len(scale.colours) + 4.5), 20
    first = top + 1.5 * box
    axes.text(left, top + 0.5 * box, scale.unit, fontsize=9.5, fontweight="bold", color=INK, va="center")
    for number, (label, colour) in enumerate(zip(scale.labels, scale.colours, strict=True)):
        lower = first + (len(scale.colours) - number) * box
        axes.add_patch(Rectangle((left, lower - box), width, box, facecolor=colour, edgecolor="none"))
        axes.text(left + width + 6, lower, label, fontsize=8.5, color=INK, va="center")
    axes.add_patch(Rectangle((left, first), width, len(scale.colours) * box, facecolor="none", edgecolor=INK, linewidth=0.8))
    for row, (name, colour, hatch) in enumerate(((scale.below, DRY, ""), ("no data", UNSEEN, "////"))):
        upper = first + (len(scale.colours) + 0.7 + 1.2 * row) * box
        axes.add_patch(Rectangle((left, upper), width, box, facecolor=colour, edgecolor=UNSEEN_HATCH, hatch=hatch, linewidth=0.8))
        axes.text(left + width + 6, upper + box / 2, name, fontsize=8, color=INK, va="center")


def _add_time_line(figure: "Figure", scenes: Scenes, layout: Layout) -> Any:
    """A dot per scene, the observed in one colour and the forecast in the other; gives the marker of the scene shown."""
    times, last = scenes.times, scenes.observed - 1
    stamps = np.array([time.value for time in times], dtype=np.float64)
    span = float(np.ptp(stamps))
    (width, height), length = layout.size, layout.right - layout.left
    axes = figure.add_axes((layout.left / width, 28 / height, length / width, 40 / height), facecolor="none")
    axes.set(xlim=(stamps[0] - span * 8 / length, stamps[-1] + span * 8 / length), ylim=(-1, 0.6))
    axes.set_axis_off()
    level = np.zeros_like(stamps)
    for part, colour in ((slice(last, None), FORECAST), (slice(0, last + 1), OBSERVED)):
        axes.plot(stamps[part], level[part], "o-", color=colour, linewidth=1.6, markersize=3, solid_capstyle="round")
    for number, place in ((0, "left"), (last, "center"), (len(times) - 1, "right")):
        text = f"{times[number]:%H:%M}" + " last scan" * (number == last)
        is_end = number in (0, len(times) - 1)
        if is_end or 0.12 < (stamps[number] - stamps[0]) / span < 0.88:
            axes.text(stamps[number], -0.42, text, ha=place, va="top", fontsize=8, color=FAINT)
    (marker,) = axes.plot([], [], "o", markersize=9, markeredgecolor=PAPER, markeredgewidth=1.5, animated=True)
    return marker
