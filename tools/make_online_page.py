"""Write docs/benchmarks/online.md: a guided model on a series of days, frozen, calibrated, learning online, and under guard.

`make bench-online` runs it. The days come one after the other, as they would to a service that runs on; each forecast is scored before
anything is learnt from it.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from stormcell.atomic import replacing
from stormcell.cli.terminal import progress_and_warnings
from stormcell.data.archive import Archive
from stormcell.data.windows import find_windows
from stormcell.frames import make_frames
from stormcell.methods.adapted import SPROG
from stormcell.progress import track
from stormcell.training.online import Online
from stormcell.training.online.online import CALIBRATED, FROZEN, ONLINE, THRESHOLDS
from stormcell.training.online.scans import scans_needed

ARCHIVE = "archives/taasrad19-validation.zarr"
FOLDER, PAGE = Path("benchmark-results/online"), Path("docs/benchmarks/online.md")
GUARDED = "guarded"
SHOWN = (SPROG, FROZEN, CALIBRATED, ONLINE, GUARDED)
HEAD = """# A model that goes on learning

Written by `make bench-online` with the model `{model}`: the validation runs of TAASRAD19 in order of time, {lessons} forecasts an hour or
more apart on {days} days, each scored before anything is learnt from it. The model learnt from the training runs of the same radar, so
there is not much left to adapt to; `--archive` runs it on another. *Calibrated* refits slopes, shifts, the weight of S-PROG and decisions
to the last {windows} forecasts, *online* takes one step of AdaGrad (rate 1e-4) after each, *guarded* is what was in use: whichever had
scored best over the last hours (half-life 12 h). CSI over all 12 lead times together, on the model's pixels where the rain was; in brackets
the difference from frozen, and its 95 % interval from drawing the days again and again.
"""

Counts = NDArray[np.float64]


def run(archive: str, model: str, folder: Path) -> dict[str, dict[str, Counts]]:
    """Day -> variant -> (threshold, 3); goes on where it was."""
    kept = folder / "days.json"
    days: dict[str, dict[str, Counts]] = defaultdict(dict)
    if kept.is_file():
        for day, counts in json.loads(kept.read_text()).items():
            days[day] = {name: np.array(values) for name, values in counts.items()}
    online = Online(folder, model)
    series = Archive(archive)
    before, after = scans_needed(online.config, float(series.step / np.timedelta64(1, "m")))
    starts = find_windows(series, before + after).apart(after).starts
    for start in track(starts, "online"):
        times = series.axis[start : start + before + after]
        if online.last is not None and times[before - 1] <= online.last:
            continue
        lesson = online.update(make_frames(series.block(start, start + before + after), times, series.grid))
        if lesson is None:
            continue
        today = days[str(lesson.issue_time)[:10]]
        for name, counts in (*lesson.outcomes.items(), (GUARDED, lesson.outcomes[lesson.in_use])):
            today[name] = today.get(name, 0.0) + counts
        with replacing(kept) as beside:  # what was learnt is on disk already, and its score would be lost
            beside.write_text(json.dumps({day: {name: values.tolist() for name, values in of.items()} for day, of in days.items()}))
    return days


def csi(counts: Counts) -> Counts:
    """(..., 3) -> (...)."""
    hits: Counts = counts[..., 0] / np.maximum(counts.sum(axis=-1), 1)
    return hits


def table(days: dict[str, dict[str, Counts]]) -> list[str]:
    """CSI of each variant, and its difference from frozen."""
    whole = np.array([[of[name] for name in SHOWN] for of in days.values()])  # (day, variant, threshold, 3)
    rng = np.random.default_rng(0)
    drawn = [csi(whole[rng.integers(len(whole), size=len(whole))].sum(axis=0)) for _ in range(2000)]
    frozen = SHOWN.index(FROZEN)
    low, high = np.quantile([draw - draw[frozen] for draw in drawn], (0.025, 0.975), axis=0)
    total = csi(whole.sum(axis=0))
    lines = [f"| | {' | '.join(f'{threshold:g} mm/h' for threshold in THRESHOLDS)} |", "|---" * (len(THRESHOLDS) + 1) + "|"]
    for row, name in enumerate(SHOWN):
        cells = []
        for column in range(len(THRESHOLDS)):
            difference = f" ({total[row, column] - total[frozen, column]:+.4f} [{low[row, column]:+.4f}, {high[row, column]:+.4f}])"
            cells.append(f"{total[row, column]:.4f}" + ("" if row == frozen else difference))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def draw(days: dict[str, dict[str, Counts]], path: Path) -> None:
    """Mean CSI of each day minus that of the frozen model, wet days only."""
    wet = [day for day, of in days.items() if of[FROZEN][0, :2].sum() >= 5000]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.add_subplot()
    for name, marker, colour in ((SPROG, "s", "0.5"), (CALIBRATED, "o", "#0072b2"), (ONLINE, "^", "#d55e00"), (GUARDED, "x", "#009e73")):
        difference = [csi(days[day][name]).mean() - csi(days[day][FROZEN]).mean() for day in wet]
        axes.plot(range(len(wet)), difference, marker, color=colour, label=name, markersize=5)
    axes.axhline(0, color="0.3", linewidth=1)
    axes.set(ylabel="mean CSI minus the frozen model's", xticks=range(len(wet)), xlim=(-0.5, len(wet) - 0.5))
    axes.set_xticklabels(wet, rotation=60, ha="right", fontsize=7)
    axes.legend(ncols=4, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.15), frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run, or go on, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="guided", help="name or folder")
    parser.add_argument("--archive", default=ARCHIVE)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--page", type=Path, default=PAGE)
    chosen = parser.parse_args()
    with progress_and_warnings():
        days = run(chosen.archive, chosen.model, chosen.folder)
    lessons = json.loads((chosen.folder / "online.json").read_text())["lessons"]
    text = HEAD.format(model=chosen.model, lessons=lessons, days=len(days), windows=48)
    picture = chosen.page.with_suffix(".png")
    draw(days, picture)
    chosen.page.write_text(
        "\n".join([text, *table(days), f"\n![Each wet day, against the frozen model]({picture.name})"]) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
