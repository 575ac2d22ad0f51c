"""What a map of an ensemble can show: a layer for each threshold, quantile, mean, start and end of rain."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.products.colours import MINUTES, PROBABILITY, RAIN, ColourScale
from stormcell.products.ensemble.onset import FLAGS

__all__ = ["LAYER_NAMES", "Layer", "layers_of"]

LAYER_NAMES = r"(?:probability|neighbourhood|near)_[\d.e-]+mm|quantile_[\d.e-]+|mean|matched_mean|rain_start|rain_end"
"""What `Layer.name` looks like, as a regular expression."""


@dataclass(frozen=True)
class Layer:
    """One kind of map.

    Args:
        name: for files, such as `probability_5mm`.
        title: for people.
        values: (lead_time, y, x), or (y, x) if it is one map for the whole forecast; NaN not known.
        scale: its colours.
    """

    name: str
    title: str
    values: xr.DataArray
    scale: ColourScale

    @property
    def over_lead_times(self) -> bool:
        """Whether there is a map for each lead time."""
        return "lead_time" in self.values.dims


def layers_of(products: xr.Dataset | None) -> list[Layer]:
    """The layers that show these products of `ensemble_products`, in their order. Quantiles of start and end of rain are not drawn."""
    if products is None:
        return []
    return [layer for name in products if name in _MAKERS for layer in _MAKERS[str(name)](products[name], products)]


def _probability(name: str, words: str) -> Callable[[xr.DataArray, xr.Dataset], list[Layer]]:
    def layers(product: xr.DataArray, _: xr.Dataset) -> list[Layer]:
        radius = f"{product.attrs.get('radius_km', 0.0):g} km"
        return [
            Layer(f"{name}_{threshold:g}mm", words.format(threshold=f"{threshold:g} mm/h", radius=radius), product[number], PROBABILITY)
            for number, threshold in enumerate(product["threshold"].values)
        ]

    return layers


def _quantiles(product: xr.DataArray, _: xr.Dataset) -> list[Layer]:
    levels = [f"{100 * level:g}" for level in product["quantile"].values]
    return [Layer(f"quantile_{level}", f"{level} % quantile of rain rate", product[number], RAIN) for number, level in enumerate(levels)]


def _rain(name: str, title: str) -> Callable[[xr.DataArray, xr.Dataset], list[Layer]]:
    return lambda product, _: [Layer(name, title, product, RAIN)]


def _minutes(product: xr.DataArray, products: xr.Dataset) -> list[Layer]:
    """Where no rain starts is below the scale; rain that goes on ends later than all else."""
    name, event = str(product.name), str(product.name).removeprefix("rain_")
    never = products[f"{name}_flag"].values == FLAGS["not_within_forecast"]
    started = np.isfinite(products["rain_start"].values)
    values: NDArray[np.float32] = np.where(never, np.where(started & (event == "end"), np.inf, -1), product.values).astype(np.float32)
    title = f"Minutes until rain of {product.attrs['rain_threshold']:g} mm/h or more {event}s"
    return [Layer(name, title, product.copy(data=values), MINUTES)]


_MAKERS: dict[str, Callable[[xr.DataArray, xr.Dataset], list[Layer]]] = {
    "probability": _probability("probability", "Probability of {threshold} or more"),
    "neighbourhood_probability": _probability("neighbourhood", "Probability of {threshold} or more, mean within {radius}"),
    "neighbourhood_maximum_probability": _probability("near", "Probability of {threshold} or more somewhere within {radius}"),
    "rainfall_rate_quantile": _quantiles,
    "ensemble_mean": _rain("mean", "Ensemble mean of rain rate"),
    "probability_matched_mean": _rain("matched_mean", "Probability-matched mean of rain rate"),
    "rain_start": _minutes,
    "rain_end": _minutes,
}
