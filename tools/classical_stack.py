"""The bar that guided networks have to clear: a logistic stack of S-PROG and ANVIL, fitted on training windows as the networks are."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from stormcell.data.archive import Archive
from stormcell.data.windows import find_windows
from stormcell.frames import Spans, make_forecast, make_frames
from stormcell.methods import PystepsAnvil, Sprog
from stormcell.methods.guided.fields import field_above, monotone
from stormcell.networks.guided import LEVELS, SCALE
from stormcell.progress import track
from stormcell.timeline import minutes
from stormcell.training.decisions import CANDIDATES, best_decisions

__all__ = ["ClassicalStack", "fitted"]

Floats = NDArray[np.float32]

PAST, FUTURE, GROUP = 5, 12, 3
AROUND = 7  # pixels, side of the square that is averaged
PARTS = (Sprog(), PystepsAnvil(cascade_levels=5, window=15))
FEATURES = 1 + 2 * len(PARTS)
X = np.array([SCALE.level(level) for level in LEVELS], np.float32)


@dataclass(frozen=True)
class ClassicalStack:
    """logit P(R >= L) = w . (1, d of each forecast, d of its mean over 7x7 pixels), with weights for each level and three lead times.

    d is the distance from the level on the networks' scale, held as theirs is. The field is the one that says L where P is as large as is
    best for the critical success index on the training windows.

    Args:
        weights: file that `fitted` wrote.
    """

    weights: str
    past_steps: int = PAST

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`; for lead times that are whole steps."""
        with np.load(self.weights) as stored:
            weights, decisions = stored["weights"], stored["decisions"]
        parts = [part(past, lead_times).values[0] for part in PARTS]
        step = np.asarray(lead_times)[0]
        fields = []
        for index in range(len(lead_times)):
            row = min(int(lead_times[index] / step) - 1, FUTURE - 1)
            logits = np.einsum("lf,flyx->lyx", weights[row // GROUP], features([part[index] for part in parts]), optimize=True)
            margins = monotone(logits) - np.log(decisions[row] / (1 - decisions[row]))[:, None, None].astype(np.float32)
            field = field_above(np.minimum.accumulate(margins, axis=0), np.array(LEVELS, np.float32))
            field[~np.isfinite(parts[0][index])] = np.nan
            fields.append(field)
        return make_forecast(np.stack(fields)[None], past, lead_times, method="classical-stack")


def features(forecasts: list[Floats]) -> Floats:
    """(feature, level, y, x) of the forecasts of one lead time (y, x) [mm h-1]."""
    made = [np.ones((len(LEVELS), *forecasts[0].shape), np.float32)]
    for rain_rate in forecasts:
        import torch

        x = SCALE.forward(torch.from_numpy(np.nan_to_num(rain_rate))).numpy()
        for field in (x, uniform_filter(x, AROUND, mode="nearest")):
            made.append(np.clip((field - X[:, None, None]) / 0.1, -2.5, 2.5))
    return np.stack(made)


def fitted(archive: str, path: Path, *, windows: int = 160, cover: float = 0.03) -> ClassicalStack:
    """Fit on wet windows of the training runs that share no frame, or take what was fitted before."""
    if not path.is_file():
        found = find_windows(Archive(archive), PAST + FUTURE).wetter_than(cover).apart(PAST + FUTURE)
        chosen = found.starts[np.unique(np.linspace(0, len(found) - 1, windows).round().astype(int))]
        series = Archive(archive)
        samples = [_of_window(series, int(start)) for start in track(chosen, "stack")]
        weights = np.zeros((FUTURE // GROUP, len(LEVELS), FEATURES), np.float32)
        counts = np.zeros((FUTURE, len(LEVELS), 2, len(CANDIDATES) + 1))
        for group in range(FUTURE // GROUP):
            steps = range(group * GROUP, (group + 1) * GROUP)
            inputs = np.concatenate([sample[0][step] for sample in samples for step in steps], axis=2)  # (feature, level, pixel)
            rain = np.concatenate([sample[1][step] for sample in samples for step in steps])
            for level, rate in enumerate(LEVELS):
                event = rain >= rate - 1e-3
                weights[group, level] = logistic_regression(inputs[:, level], event)
                p = 1 / (1 + np.exp(-weights[group, level] @ inputs[:, level]))
                for came in (0, 1):
                    bins = np.bincount(np.searchsorted(CANDIDATES, p[event == came], side="right"), minlength=len(CANDIDATES) + 1)
                    counts[steps[0] : steps[-1] + 1, level, came] = bins / GROUP
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, weights=weights, decisions=best_decisions(counts, most=None))
    return ClassicalStack(str(path))


def logistic_regression(inputs: Floats, event: NDArray[np.bool_], *, rounds: int = 12) -> Floats:
    """Weights (feature,) of the largest likelihood for inputs (feature, sample), by Newton's method, drawn to 0 a little."""
    weights = np.zeros(len(inputs))
    inputs = inputs.astype(np.float64)
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-np.clip(weights @ inputs, -30, 30)))
        slope = inputs @ (event - p) - weights
        curvature = (inputs * (p * (1 - p) + 1e-9)) @ inputs.T + np.eye(len(inputs))
        weights = weights + np.linalg.solve(curvature, slope)
    return weights.astype(np.float32)


def _of_window(series: Archive, start: int) -> tuple[list[Floats], list[Floats]]:
    """Of each lead time the features (feature, level, pixel), and the rain (pixel,), of a third of the pixels that are known."""
    values = series.block(start, start + PAST + FUTURE)
    frames = make_frames(values[:PAST], series.axis[start : start + PAST], series.grid)
    leads = minutes(5, 5 * FUTURE, step=5)
    parts = [part(frames, leads).values[0] for part in PARTS]
    rng = np.random.default_rng(start)
    inputs, rain = [], []
    for step in range(FUTURE):
        seen = values[PAST + step]
        known = np.isfinite(seen) & np.isfinite(parts[0][step]) & (rng.random(seen.shape) < 1 / 3)
        inputs.append(features([part[step] for part in parts])[:, :, known])
        rain.append(seen[known])
    return inputs, rain
