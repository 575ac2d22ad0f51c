"""What every method owes, whatever the weather: an answer that keeps to all of this, or an error that says what to do."""

import re
from functools import cache
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.ndimage import minimum_filter

from stormcell.errors import StormcellError
from stormcell.frames import Spans, check_forecast, grid_of
from stormcell.methods import METHODS, Method, PystepsLinda
from stormcell.methods.shipped import is_guided, shipped_models
from stormcell.timeline import minutes
from tests.trust.weather import Case

__all__ = ["DEAR", "UNBOUNDED", "Outcome", "expected_refusal", "meet", "not_tried"]

NETWORKS = [name for name in shipped_models() if not is_guided(name)]
GROWING = [*shipped_models()]
"""Rain may grow, up to twice the strongest of the past; with every other method it may not."""

UNBOUNDED = ["pysteps-anvil", "pysteps-linda"]
"""They say that they know no bound: growth goes on as it did."""

DEAR = [*shipped_models(), "pysteps-linda"]
"""With these a case costs a second, not a tenth of one."""

_REACH = 16
"""Pixels that nothing of these storms crosses in the first lead time, two missing scans included."""


class Outcome(NamedTuple):
    """How a case went: "answer", "stand-in" with the reason, or "refused" with what was said."""

    kind: str
    text: str = ""


@cache
def method_of(name: str) -> Method:
    """The method by its name, its weights loaded once; LINDA with two rain cells, each of which takes its second."""
    return PystepsLinda(max_features=2) if name == "pysteps-linda" else METHODS[name]()


def not_tried(name: str, case: Case) -> str:
    """Why this pair is not tried here, if it is not."""
    if name.startswith("pysteps") and not find_spec("pysteps"):
        return "pysteps is not installed"
    if name in UNBOUNDED and case.slow:
        return "no answer after seven minutes of a core, and 9 GB taken by then"
    return ""


def expected_refusal(name: str, case: Case) -> str:
    """What the method is to say where it has to refuse; nothing where it has to answer."""
    families = ["network"] if name in NETWORKS else ["pysteps"] if name.startswith("pysteps") else []
    return next((case.refused[key] for key in (name, *families, "all") if key in case.refused), "")


def meet(name: str, case: Case) -> Outcome:
    """Let a method meet a case, and hold what comes of it to the contract.

    Raises:
        AssertionError: the contract is broken.
    """
    leads = minutes(case.step, 3 * case.step, step=case.step)
    try:
        past = case.past()
        before = past.copy(deep=True)
        forecast = method_of(name)(past, leads, seed=1)
    except StormcellError as error:
        text = str(error)
        assert ";" in text or "use a model" in text, f"says what came, but not what to do: {text}"
        return Outcome("refused", re.sub(rf"^{name}\b", "NAME", text))
    xr.testing.assert_identical(past, before)
    _check_labels(name, forecast, past, leads)
    _check_values(name, forecast.values, past.values)
    said = forecast.attrs.get("fallback", "")
    return Outcome("stand-in", said) if said else Outcome("answer")


def _check_labels(name: str, forecast: xr.DataArray, past: xr.DataArray, leads: Spans) -> None:
    check_forecast(forecast)  # dims, units, float32, finite, not negative
    now = past["time"].values[-1]
    assert forecast.sizes["member"] == 1 and forecast.attrs["method"] == name
    assert (forecast["lead_time"].values == leads).all() and (forecast["time"].values == now + leads).all()
    assert forecast["forecast_reference_time"].values == now, "the last time of the past, seen or not"
    assert grid_of(forecast).same_as(grid_of(past))
    late = int(np.argmax(np.isfinite(past.values[::-1]).any(axis=(1, 2))))
    assert forecast.attrs["steps_since_last_scan"] == late or "sprog" in forecast.attrs.get("fallback", "")


def _check_values(name: str, rain: np.ndarray, past: np.ndarray) -> None:
    known = np.isfinite(rain)
    assert known.any(), "an answer knows something"
    strongest = float(np.nanmax(past))
    if name not in UNBOUNDED:
        assert rain[known].max() <= strongest * (2 if name in GROWING else 1) * (1 + 1e-5)
    if strongest == 0:
        assert (rain == 0).all(), "dry stays dry, and dry is known"
    seen = np.isfinite(past).any(axis=0)
    assert not known[0, 0][_well_inside(~seen)].any(), "nothing is made up where nothing was seen"
    assert known[0, 0][_well_inside(seen)].all(), "what was seen, and what comes from there, is known"


def _well_inside(area: np.ndarray) -> np.ndarray:
    """Pixels farther than the reach of the motion from all that is not in the area; beyond the border nothing is."""
    inside: np.ndarray = minimum_filter(area, size=2 * _REACH + 1, mode="constant", cval=False)
    return inside
