"""Cases to score, made from plain numbers."""

import numpy as np
import xarray as xr

from stormcell.frames import make_forecast
from stormcell.timeline import minutes
from tests.conftest import frames_of

NAN = np.nan


def case(forecast, observed, valid=None) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Forecast, observation and mask, as a score takes them.

    Args:
        forecast: numbers of (x,), (y, x), (lead_time, y, x) or (member, lead_time, y, x).
        observed: numbers of (x,), (y, x) or (lead_time, y, x).
        valid: mask, as `observed`; every pixel that both know if None.
    """
    seen = np.array(observed, np.float32, ndmin=3)
    said = np.array(forecast, np.float32, ndmin=4)
    known = np.isfinite(seen) & np.isfinite(said).all(axis=0) if valid is None else np.array(valid, bool, ndmin=3)
    leads = minutes(5, 5 * len(seen), step=5)
    dry = frames_of(np.zeros_like(seen))  # labels of fields that are allowed, for numbers that need not be
    labelled = dry.copy(data=seen).rename(time="lead_time").assign_coords(lead_time=leads)
    forecast = make_forecast(np.zeros_like(said), dry[:1], leads, method="test").copy(data=said)
    return forecast, labelled, labelled.copy(data=known)


def values(score, *of, **selection) -> dict[str, float]:
    """The scores of one case with one lead time, by name; `selection` picks from further dimensions."""
    scores = score.value(score.sums(*case(*of))).isel(lead_time=0)
    return {name: value.sel({dim: label for dim, label in selection.items() if dim in value.dims}).item() for name, value in scores.items()}


def rain(seed: int, shape: tuple[int, ...] = (2, 24, 30), wet: float = 0.4) -> np.ndarray:
    """Random fields of rain, smooth enough to have shape, dry in part."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((*shape[:-2], shape[-2] + 4, shape[-1] + 4))
    smooth = sum(np.roll(noise, (dy, dx), axis=(-2, -1)) for dy in range(5) for dx in range(5))[..., 4:, 4:]
    return np.maximum(10 * (smooth / 5 + wet - 0.5), 0).astype(np.float32)
