"""The scale on which cascades work: decibels of rain above dry."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["THRESHOLD", "THRESHOLD_DB", "decibels_from_rain_rate", "rain_rate_from_decibels"]

Floats = NDArray[np.float32]

THRESHOLD = 0.1  # mm h-1, from which on it rains
THRESHOLD_DB = 5.0  # of the lightest rain above dry: far enough that an edge of rain is one, not so far that it is all there is


def decibels_from_rain_rate(rain_rate: Floats) -> Floats:
    """x = 10 log10(R / 0.1 mm h-1) + 5 where it rains, R >= 0.1 mm h-1, and 0 where not. NaN stays NaN.

    A sum of many small effects that multiply, as rain is, comes near a normal distribution on this scale.
    """
    with np.errstate(divide="ignore"):
        decibels = np.log10(rain_rate) * np.float32(10) + np.float32(THRESHOLD_DB - 10 * np.log10(THRESHOLD))
    decibels[rain_rate < np.float32(THRESHOLD)] = 0.0
    return decibels


def rain_rate_from_decibels(decibels: Floats) -> Floats:
    """The inverse [mm h-1]; what lies below 5 dB is dry."""
    factor, shift = np.float32(np.log(10) / 10), np.float32(np.log(THRESHOLD) - THRESHOLD_DB * np.log(10) / 10)
    rain_rate: Floats = np.exp(decibels * factor + shift)
    rain_rate[decibels < np.float32(THRESHOLD_DB)] = 0.0
    return rain_rate
