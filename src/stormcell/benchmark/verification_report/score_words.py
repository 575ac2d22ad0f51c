"""What the scores are called on the page, and how to read them, for somebody who works with rain and not with scores."""

from typing import NamedTuple

__all__ = ["NOT_DRAWN", "WORDS", "Words"]


class Words(NamedTuple):
    """About one score.

    Attributes:
        title: its name in full.
        label: of an axis, with the unit.
        reading: how to read it.
        best: its best value, drawn as a line where it lies among the values; None for a score that best is low.
        falls_to_0: the axis begins at 0.
    """

    title: str
    label: str
    reading: str
    best: float | None = None
    falls_to_0: bool = True


WORDS: dict[str, Words] = {
    "csi": Words(
        "Critical success index",
        "CSI",
        "Of all pixels where it rained or was said to rain at this rate or more, the share where both were so: higher is better, 1 is "
        "perfect.",
        1.0,
    ),
    "hss": Words(
        "Heidke skill score",
        "HSS",
        "How far the forecast is from chance, 0, towards a perfect one, 1: higher is better.",
        1.0,
    ),
    "bias": Words(
        "Frequency bias",
        "bias",
        "The area where this rain was forecast over the area where it fell: 1 is right, above 1 there was too much, below 1 too little.",
        1.0,
        False,
    ),
    "mae": Words("Mean absolute error", "MAE [mm/h]", "The typical error of the rain rate at a pixel, dry ones included: lower is better."),
    "rmse": Words(
        "Root mean square error",
        "RMSE [mm/h]",
        "The error of the rain rate in which large errors count for more; smooth forecasts do well. Lower is better.",
    ),
    "me": Words("Mean error", "mean error [mm/h]", "Forecast minus observed rain on average: above 0 the forecast is too wet.", 0.0, False),
    "pearson": Words(
        "Correlation", "correlation", "How well the pattern of the rain fits, whatever its amount: higher is better, 1 is perfect.", 1.0
    ),
    "crps": Words(
        "Continuous ranked probability score",
        "CRPS [mm/h]",
        "How far the whole ensemble is from what came; for a single forecast it is the mean absolute error. Lower is better.",
    ),
    "fair_crps": Words(
        "Continuous ranked probability score, fair",
        "fair CRPS [mm/h]",
        "The same score as the ensemble would have it with very many members. Lower is better; single forecasts have none.",
    ),
    "brier_skill": Words(
        "Brier skill score",
        "Brier skill",
        "How good the probability of this rain is: 1 is perfect, and at 0 the mean frequency of rain would have served as well.",
        1.0,
    ),
    "roc_area": Words(
        "Area under the ROC curve",
        "ROC area",
        "The chance that the forecast probability is higher where it rained than where it did not: 0.5 is none, 1 is perfect.",
        1.0,
        False,
    ),
    "ratio": Words(
        "Spread over error",
        "spread / RMSE",
        "How wide the ensemble is over how wrong its mean is: 1 is right, below 1 the ensemble is too sure of itself.",
        1.0,
        False,
    ),
    "departure": Words(
        "Departure of the rank histogram from flat",
        "departure",
        "0 if what came could have been any of the members; the further above, the less it looks like one of them.",
    ),
    "log_spectral_distance": Words(
        "Distance of the power spectra",
        "distance [dB]",
        "How far rain of all sizes is from having the right variability; too smooth and too rough count alike. Lower is better.",
    ),
    "ssim": Words(
        "Structural similarity", "SSIM", "How alike the two pictures look: higher is better, 1 is the same. Dry surroundings raise it.", 1.0
    ),
    "structure": Words(
        "Structure (SAL)", "S", "Below 0 the rain areas are too small or too peaked, above 0 too large or too flat.", 0.0, False
    ),
    "amplitude": Words(
        "Amplitude (SAL)", "A", "Below 0 there is too little rain in all, above 0 too much; 2 / 3 is twice as much.", 0.0, False
    ),
    "location": Words("Location (SAL)", "L", "How far the rain areas are from their place, as a share of the map: lower is better."),
    "b_mse": Words("Balanced square error", "B-MSE", "A square error in which heavy rain counts for more: lower is better."),
    "b_mae": Words("Balanced absolute error", "B-MAE", "An absolute error in which heavy rain counts for more: lower is better."),
}

NOT_DRAWN = {
    *("pod", "far", "ets", "accuracy", "peirce", "rainfall_mse", "correlation", "structure_abs", "amplitude_abs"),
    *("brier", "fair_brier", "reliability", "resolution", "uncertainty", "spread"),
}
"""Scores that say again what another says, or that have a diagram of their own; they are in scores.csv."""
