"""How much of the rain's variability lies at each size, forecast beside observed."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.benchmark.verification_report.document import Figure, Panel, Section
from stormcell.benchmark.verification_report.drawing import SQUARE, drawn, plain_numbers
from stormcell.benchmark.verification_report.evidence import Evidence, chosen_leads, lead_label, long_form
from stormcell.benchmark.verification_report.styles import OBSERVED, Style, key_of, styles_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

__all__ = ["power_spectra"]

_POINTS = 60  # drawn along a line; the markers of every tenth
_READING = (
    "Large rain areas are at the left, small showers at the right: where a method's line falls below the black one of the radar, it has "
    "smoothed out rain of that size, and above it, it has made up detail."
)


def power_spectra(evidence: Evidence) -> Section | None:
    """Spectra at the middle and the last lead time; None where they were not computed."""
    pools = evidence.having("forecast_power", "observed_power")
    if not pools:
        return None
    styles = styles_of(pools[0].methods)
    panels, numbers = [], []
    for pool in pools:
        spectra = pool.values[["forecast_power", "observed_power"]]
        leads, units = chosen_leads(pool), str(pool.daily["wavelength"].attrs.get("units", "km"))
        numbers.append(long_form(spectra.sel(lead_time=leads), pool.event).assign(cases=pool.cases))
        for lead in leads:
            part = _thinned(spectra.sel(lead_time=lead))
            if not bool((part > 0).to_array().any()):
                continue
            title = ", ".join([*([pool.event] if len(pools) > 1 else []), lead_label(lead)])
            picture = drawn(partial(_paint, spectra=part, units=units, styles=styles), size=SQUARE)
            panels.append(Panel(title, picture, f"Power spectra of forecast and observation, {title}; numbers in the file named below."))
    if not panels:
        return None
    key = key_of({"radar": OBSERVED, **styles})
    figure = Figure("power_spectra", "Power spectra", _READING, panels, pd.concat(numbers, ignore_index=True), key)
    text = ["Grids differ, so that events cannot be added up, and each has its own spectra."] if len(pools) > 1 else []
    return Section("Detail by size", text, [figure])


def _thinned(spectra: xr.Dataset) -> xr.Dataset:
    """At places that are even on a logarithmic axis; there are far more wavelengths at the short end than ink can show."""
    places = np.unique(np.round(np.geomspace(1, spectra.sizes["wavelength"], _POINTS)).astype(int)) - 1
    return spectra.isel(wavelength=places)


def _paint(figure: "Canvas", spectra: xr.Dataset, units: str, styles: dict[str, Style]) -> None:
    axes = figure.add_subplot()
    wavelength = spectra["wavelength"].values
    observed = spectra["observed_power"].isel(method=0)
    axes.plot(wavelength, observed.where(observed > 0), color=OBSERVED.colour, linewidth=2.6, zorder=2)
    for number, (method, style) in enumerate(styles.items()):
        power = spectra["forecast_power"].sel({"method": method})
        every = (len(wavelength) * number // (8 * len(styles)), max(1, len(wavelength) // 8))
        axes.plot(wavelength, power.where(power > 0), **style.keywords, markevery=every, linewidth=1.2, zorder=3)
    axes.set(xscale="log", yscale="log", xlabel=f"wavelength [{units}]", ylabel="power [mm²/h²]")
    axes.invert_xaxis()
    plain_numbers(axes.xaxis)
    plain_numbers(axes.yaxis)
