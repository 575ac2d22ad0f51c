"""A page to look at a forecast with: the pictures, a slider over time, a play button, and a choice of layers for an ensemble.

It opens as a file and loads nothing from elsewhere.
"""

import html
import json
from importlib.resources import files
from pathlib import Path
from string import Template

import pandas as pd
import xarray as xr

from stormcell.atomic import replacing
from stormcell.products.images import write_pngs
from stormcell.products.pictures.layers import layers_of

__all__ = ["write_page"]


def write_page(past: xr.DataArray, forecast: xr.DataArray, folder: str | Path, *, products: xr.Dataset | None = None) -> Path:
    """Write `index.html` and its pictures into a folder.

    Args:
        past: (time, y, x) rain rate [mm h-1].
        forecast: (member, lead_time, y, x) rain rate [mm h-1]; of several members the mean is drawn.
        folder: where to; made if it is not there. The pictures go into `frames/` below it.
        products: of `ensemble_products`; each becomes a layer to choose.

    Returns:
        The page.

    Raises:
        FramesError: a field breaks the contract, or the two grids differ.
        WriteError: the folder cannot be written.
    """
    target = Path(folder) / "index.html"
    pictures = [f"frames/{path.name}" for path in write_pngs(past, forecast, target.parent / "frames", products=products)]
    labels = _labels(past, forecast)
    entries = [{"file": file, "label": label} for file, label in zip(pictures, labels, strict=False)]
    layers = _layers(pictures, past.sizes["time"], forecast.sizes["lead_time"], products)
    start = past.sizes["time"] - 1
    issued = pd.Timestamp(past["time"].values[-1])
    source = past.attrs.get("source", "not stated")
    facts = f"Method {forecast.attrs['method']}, from radar images up to {issued:%Y-%m-%d %H:%M} UTC. Source: {source}."
    template = files("stormcell.products").joinpath("player/page.html").read_text(encoding="utf-8")
    page = Template(template).substitute(
        title=html.escape(f"Rain forecast of {issued:%Y-%m-%d %H:%M} UTC"),
        first=html.escape(entries[start]["file"]),
        first_label=html.escape(entries[start]["label"]),
        start_index=start,
        last_index=len(entries) - 1,
        facts=html.escape(facts),
        frames=json.dumps(entries).replace("<", "\\u003c"),
        layers=json.dumps(layers).replace("<", "\\u003c"),
    )
    with replacing(target) as beside:
        beside.write_text(page, encoding="utf-8")
    return target


def _layers(pictures: list[str], observed: int, leads: int, products: xr.Dataset | None) -> list[dict[str, object]]:
    """Title and a file per frame of each layer. What was observed is rain in all of them; a layer of one picture shows it at all times."""
    rain, rest = pictures[: observed + leads], iter(pictures[observed + leads :])
    layers: list[dict[str, object]] = [{"title": "Rain rate", "files": rain}]
    for layer in layers_of(products):
        if layer.over_lead_times:
            layers.append({"title": layer.title, "files": rain[:observed] + [next(rest) for _ in range(leads)]})
        else:
            layers.append({"title": layer.title, "files": [next(rest)] * len(rain)})
    return layers


def _labels(past: xr.DataArray, forecast: xr.DataArray) -> list[str]:
    """One line per picture: when it is valid, and whether it was observed or is forecast."""
    observed = [f"{pd.Timestamp(stamp):%H:%M} UTC, observed" for stamp in past["time"].values]
    leads = [pd.Timedelta(lead).total_seconds() / 60 for lead in forecast["lead_time"].values]
    ahead = [f"{pd.Timestamp(stamp):%H:%M} UTC, forecast +{lead:g} min" for stamp, lead in zip(forecast["time"].values, leads, strict=True)]
    return observed + ahead
