"""All products of an ensemble that are asked for, in one dataset."""

from collections.abc import Sequence

import xarray as xr

from stormcell.errors import FramesError
from stormcell.products.ensemble.matched_mean import probability_matched_mean
from stormcell.products.ensemble.mean import ensemble_mean
from stormcell.products.ensemble.neighbourhood import neighbourhood_maximum_probability, neighbourhood_probability
from stormcell.products.ensemble.onset import rain_onset
from stormcell.products.ensemble.probability import exceedance_probability
from stormcell.products.ensemble.quantiles import rain_quantiles

__all__ = ["ensemble_products"]


def ensemble_products(
    forecast: xr.DataArray,
    *,
    probability: Sequence[float] = (),
    neighbourhood_km: float | None = None,
    quantiles: Sequence[float] = (),
    mean: bool = False,
    matched_mean: bool = False,
    onset: float | None = None,
    past: xr.DataArray | None = None,
) -> xr.Dataset:
    """Work out the products of an ensemble.

    Args:
        forecast: (member, lead_time, y, x) rain rate [mm h-1].
        probability: thresholds of exceedance probabilities [mm h-1].
        neighbourhood_km: radius of neighbourhood probabilities, at the same thresholds.
        quantiles: levels, 0 to 1; of rain rates, and of start and end of rain where `onset` is given.
        mean: ensemble mean.
        matched_mean: probability-matched mean.
        onset: rain rate from which on it rains, for start and end of rain [mm h-1].
        past: the frames the forecast was made from; tell `onset` where it rains already.

    Returns:
        A variable for each product; what each is, its own function tells: `exceedance_probability`, `neighbourhood_probability`,
        `neighbourhood_maximum_probability`, `rain_quantiles`, `ensemble_mean`, `probability_matched_mean`, `rain_onset`.

    Raises:
        FramesError: a field breaks the contract, a threshold or a level makes no sense, or a neighbourhood has no thresholds.
    """
    if neighbourhood_km is not None and not len(probability):
        raise FramesError(f"neighbourhood of {neighbourhood_km} km: expected thresholds of probability too, got none")
    products = []
    if len(probability):
        products.append(exceedance_probability(forecast, probability))
    if neighbourhood_km is not None:
        products.append(neighbourhood_probability(forecast, probability, radius_km=neighbourhood_km))
        products.append(neighbourhood_maximum_probability(forecast, probability, radius_km=neighbourhood_km))
    if len(quantiles):
        products.append(rain_quantiles(forecast, quantiles))
    if mean:
        products.append(ensemble_mean(forecast))
    if matched_mean:
        products.append(probability_matched_mean(forecast))
    if onset is not None:
        products += rain_onset(forecast, threshold=onset, quantiles=quantiles, past=past).data_vars.values()
    return xr.Dataset({str(product.name): product for product in products})
