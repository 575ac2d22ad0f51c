"""Any method, calibrated: members in, members out."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

from stormcell.errors import MethodError
from stormcell.frames import Spans, check_forecast
from stormcell.methods import METHODS, Adapted, GuidedForecast, Learned, Method, method_named
from stormcell.methods.calibration import Calibration, ProbabilityMaps
from stormcell.methods.calibration_file import read_calibration
from stormcell.methods.member_coupling import coupled, members_reaching
from stormcell.methods.shipped import shipped_models

__all__ = ["Calibrated", "calibrated_named", "calibrated_probabilities", "identity_of", "uncalibrated"]

Floats = NDArray[np.floating]

_SMOOTH = 4.0  # pixels, standard deviation of the filter
_OWN_STREAM = 6  # beside the method's own random numbers of the same seed
_TINY = 1e-9


@dataclass(frozen=True)
class Calibrated:
    """A method whose forecasts go through a calibration; satisfies `Method`.

    *Probabilities* (isotonic, logistic). Of m members at a pixel, the share p_k that reaches the threshold t_k becomes g(p_k), rounded to

        n / m,    n = floor(m g(p_k) + u)

    with u drawn evenly from 0 to 1, alike for pixels that are near each other: so the mean of n is m g(p_k), and rain that is too rare for
    one member of m is kept in some places, not lost in all. Where no member has it u = 1/2, so that none is made of nothing. See
    `stormcell.methods.member_coupling` for how members are moved, and `calibrated_probabilities` for g(p_k) before it is rounded.

    *Rain rates* (quantile). Every value x of every member becomes T(x).

    What is dry in all members stays dry unless rain there was likelier than 1 / (2 m). NaN stays NaN. The attribute `calibration` says
    what was done.

    Attributes:
        method: what is calibrated.
        calibration: what a hindcast of it taught.
    """

    method: Method
    calibration: Calibration

    @property
    def past_steps(self) -> int:
        """As many as the method's."""
        return self.method.past_steps

    @property
    def past_minutes(self) -> float:
        """How far back the method looks, if it has a clock of its own."""
        return float(getattr(self.method, "past_minutes", 0.0))

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`.

        Raises:
            MethodError: as the method does; or a lead time beyond the calibration's last; or one member, with a calibration of
                probabilities.
        """
        maps = self.calibration.maps
        if isinstance(maps, ProbabilityMaps) and members < 2:
            raise MethodError(
                f"this calibration is of probabilities, which one member has none of: ask for --members {self.calibration.members}, or "
                "calibrate with --kind quantile"
            )
        forecast = self.method(past, lead_times, members=members, seed=seed)
        values = np.empty_like(forecast.values)
        rounding = _even_noise(forecast.shape[2:], seed) if isinstance(maps, ProbabilityMaps) else np.empty(0)
        for lead, minutes in enumerate(forecast["lead_time"].values / np.timedelta64(1, "m")):
            fields = forecast.values[:, lead]
            if isinstance(maps, ProbabilityMaps):
                values[:, lead] = coupled(fields, maps.thresholds, self._wanted(fields, maps.thresholds, float(minutes), rounding))
            else:
                values[:, lead] = self.calibration.calibrated(fields.astype(np.float64), float(minutes))
        return check_forecast(forecast.copy(data=values).assign_attrs(calibration=self.calibration.said))

    def _wanted(self, fields: Floats, thresholds: tuple[float, ...], minutes: float, rounding: Floats) -> NDArray[np.intp]:
        """(threshold, y, x), n of the class docstring, never rising from one threshold to the next."""
        members = len(fields)
        levels = np.broadcast_to(np.arange(members + 1) / members, (len(thresholds), members + 1))
        table = members * self.calibration.calibrated(levels, minutes)
        wanted = []
        for row, count in zip(table, members_reaching(fields, thresholds), strict=True):
            u = np.where(count > 0, rounding, 0.5)
            wanted.append(np.floor(row[count] + u + _TINY).astype(np.intp))
        return np.minimum.accumulate(np.minimum(wanted, members), axis=0)


def _even_noise(shape: tuple[int, ...], seed: int | None) -> Floats:
    """(y, x), noise spread evenly over 0 to 1, smooth over some pixels; 1/2 on a grid of one pixel."""
    rng = np.random.default_rng(None if seed is None else [seed, _OWN_STREAM])
    smooth = gaussian_filter(rng.standard_normal(shape), _SMOOTH, mode="wrap")
    return np.asarray(ndtr((smooth - smooth.mean()) / max(float(smooth.std()), _TINY)) * (1 - 2 * _TINY), np.float64)


def calibrated_probabilities(forecast: xr.DataArray, calibration: Calibration) -> xr.DataArray:
    """The chance that the rain rate reaches each threshold of the calibration, to the last digit.

    q_k = min (g_1(p_1), ..., g_k(p_k)): a higher threshold is never likelier to be reached.

    Args:
        forecast: (member, lead_time, y, x) [mm h-1], as the method made it, not calibrated yet.
        calibration: of probabilities.

    Returns:
        (lead_time, threshold, y, x), 0 to 1; NaN where a member is.

    Raises:
        MethodError: the calibration is of rain rates, or does not reach to the last lead time.
    """
    maps = calibration.maps
    if not isinstance(maps, ProbabilityMaps):
        raise MethodError("this calibration is of rain rates: expected one of probabilities, made with --kind isotonic or logistic")
    leads = forecast["lead_time"].values
    result = np.empty((leads.size, len(maps.thresholds), *forecast.shape[2:]), np.float32)
    for row, minutes in enumerate(leads / np.timedelta64(1, "m")):
        fields = forecast.values[:, row]
        p = members_reaching(fields, maps.thresholds) / len(fields)
        q = np.minimum.accumulate(calibration.calibrated(p, float(minutes)), axis=0)
        result[row] = np.where(np.isfinite(fields).all(axis=0), q, np.nan)
    kept = {name: coord for name, coord in forecast.coords.items() if "member" not in coord.dims}
    coords = {**kept, "threshold": ("threshold", list(maps.thresholds), {"units": "mm h-1"})}
    attrs = {"long_name": "probability that the rain rate reaches the threshold", "units": "1", "calibration": repr(calibration)}
    return xr.DataArray(result, dims=("lead_time", "threshold", "y", "x"), coords=coords, name="probability", attrs=attrs)


def identity_of(name: str) -> str:
    """What tells methods apart for a calibration: the name, or the fingerprint of a trained model, wherever its folder is."""
    model, colon, _ = name.rpartition(":")  # "guided:mean" is a field of a model
    folder = model if colon else name
    if folder not in shipped_models() and (name in METHODS or not Path(folder).is_dir()):
        return name
    method = method_named(name)
    return method.identity if isinstance(method, Adapted | GuidedForecast | Learned) else name


def uncalibrated(method: Method) -> Method:
    """The method without the calibration that lies beside a trained network."""
    return replace(method, calibrated=False) if isinstance(method, Learned) else method


def calibrated_named(name: str, folder: str | Path) -> Calibrated:
    """The method of this name with the calibration in a folder.

    Raises:
        MethodError: no such method, or the calibration is another method's.
        ReadError: there is no calibration that can be read.
    """
    method, calibration = method_named(name), read_calibration(folder)
    if identity_of(name) != calibration.method:
        raise MethodError(f"{folder}: is the calibration of {calibration.method}, not of {name}; calibrate {name} first")
    return Calibrated(uncalibrated(method), calibration)
